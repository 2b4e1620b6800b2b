package doctor

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
)

// What somebody else has named is a word of the commands, and nothing that a shell does.
func TestNamesFromAWSAreWordsOfCommands(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	for _, path := range []string{"$(id>&2)", "`id`", ";id;", "'||id||'", "a&b", "$HOME", "*", "\"x\"", "~/x", "#x", "!x", "plain"} {
		arn := "arn:aws:iam::" + account + ":policy/" + path + "/cas-somebodys"
		o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
		o.Policies.Value = []cloud.Policy{{Name: "cas-somebodys", ARN: arn}}
		o.BaseRole.Attached.Value = []policySeen{{arn, Seen[[]byte]{Value: jsonOf(allows([]string{"*"}, []string{"*"}))}}}
		found, err := sessionPolicies(o)
		if err != nil {
			t.Fatal(err)
		}
		wide, err := baseRoleNarrow(o)
		if err != nil {
			t.Fatal(err)
		}
		said := 0
		for _, f := range append(found, wide...) {
			for _, command := range f.Fix.Commands {
				if !strings.Contains(command, "cas-somebodys") || strings.Contains(command, "put-role-policy") {
					continue
				}
				// The command itself is replaced by one that says its last word.
				out, err := exec.CommandContext(t.Context(), "sh", "-c", `last() { while [ $# -gt 1 ]; do shift; done; printf %s "$1"; }; last `+command).CombinedOutput()
				if err != nil || string(out) != arn {
					t.Errorf("%s: a shell makes %q of it: %v", command, out, err)
				}
				said++
			}
		}
		if said != 2 {
			t.Errorf("%s: %d commands name it", path, said)
		}
	}
}
