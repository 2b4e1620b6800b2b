package login

import (
	"encoding/json"
	"strings"
	"testing"
)

type listed struct{ Name, State, Role string }

func (p *person) organizations() []listed {
	p.in.t.Helper()
	var list []listed
	if err := json.Unmarshal([]byte(p.must("organization", "list", "-o", "json")), &list); err != nil {
		p.in.t.Fatal(err)
	}
	return list
}

// People see how the storage of theirs is, however many these are, and administrators of
// the installation see all organizations. That a list is refused nothing, so that the audit
// log has no refusals that nobody asked for.
func TestOrganizationsOfPeople(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "", "ann", "root")
	ann, root := in.person(), in.person()
	ann.login(newBrowser(t, "ann"))
	if list := ann.organizations(); len(list) != 0 {
		t.Errorf("of nobody's organizations: %+v", list)
	}
	for _, name := range []string{"quoll", "numbat"} {
		ann.must("organization", "create", name)
	}
	if list := ann.organizations(); len(list) != 2 || list[0] != (listed{"numbat", "pending", "owner"}) || list[1] != (listed{"quoll", "pending", "owner"}) {
		t.Errorf("her own: %+v", list)
	}
	if denied := ann.must("--org", "numbat", "audit", "list", "--outcome", "denied", "-o", "json"); denied != "[]" {
		t.Errorf("what was refused: %s", denied)
	}

	root.login(newBrowser(t, "root"))
	root.must("auth", "bootstrap", "--token", in.bootstrap)
	root.must("organization", "create", "dunnart")
	want := []listed{{"dunnart", "pending", "owner"}, {"numbat", "pending", "administrator"}, {"quoll", "pending", "administrator"}}
	if list := root.organizations(); len(list) != 3 || list[0] != want[0] || list[1] != want[1] || list[2] != want[2] {
		t.Errorf("an administrator's: %+v", list)
	}

	if said := ann.must("__complete", "--org", "numbat", "organization", "members", "remove", "a"); !strings.HasPrefix(said, "ann@example.com\n") {
		t.Errorf("completion: %s", said)
	}

	token := *in.person()
	token.more = []string{"CHAINLOOP_TOKEN=" + ann.must("--org", "quoll", "token", "create", "--name", "builder")}
	if list := token.organizations(); len(list) != 1 || list[0] != (listed{"quoll", "pending", "member"}) {
		t.Errorf("a token's: %+v", list)
	}
	var who struct{ User, Name, Organization, Role string }
	if err := json.Unmarshal([]byte(token.must("auth", "status", "-o", "json")), &who); err != nil || who.Name != "builder" || who.Organization != "quoll" || who.Role != "member" {
		t.Errorf("the token is %+v, %v", who, err)
	}
	if table := token.must("auth", "status"); !strings.Contains(table, "builder") || !strings.Contains(table, "quoll") {
		t.Errorf("the token is\n%s", table)
	}
}
