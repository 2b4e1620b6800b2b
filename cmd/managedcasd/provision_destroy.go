package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/provision"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// removed is what provision --destroy -o json prints.
type removed struct {
	provision.RemovalPlan
	Applied int      `json:"applied"` // how many of the steps
	Next    []string `json:"next,omitempty"`
}

// remove plans the end of an installation, asks, and carries it out.
func (o provisionOptions) remove(cmd *cobra.Command, aws *awscloud.Cloud, in tenancy.Installation) error {
	says := speaker{out: cmd.OutOrStdout(), json: o.output == "json"}
	removal := provision.Removal{
		Installation: in, Roles: aws, Keys: aws, Buckets: aws, Organizations: aws, DeleteKey: o.deleteKey, Begun: says.step,
	}
	plan, err := removal.Plan(cmd.Context())
	if err != nil {
		return err
	}
	did := removed{RemovalPlan: plan}
	if len(plan.Refusals) > 0 {
		for _, refusal := range plan.Refusals {
			says.line("refused: %s", refusal)
		}
		return joinFirst(fmt.Errorf("the installation in bucket %s is not deleted: %d of what is printed above is in the way, each with what to do about it", in.BucketName, len(plan.Refusals)), says.value(did))
	}
	for _, left := range plan.Left {
		says.line("left: %s", left)
	}
	if len(plan.Steps) == 0 {
		says.line("nothing to do")
	}
	if o.planOnly {
		says.steps(plan.Steps)
		return says.value(did)
	}
	if len(plan.Steps) > 0 {
		if err := o.confirm(cmd, plan, in.BucketName); err != nil {
			return err
		}
	}
	if did.Applied, err = removal.Apply(cmd.Context(), plan); err != nil {
		says.notDone(plan.Steps, did.Applied)
		return joinFirst(err, says.value(did))
	}
	did.Next = []string{
		"what is not in this account's S3, IAM and KMS is yours to remove: the database, the chart, and the Pod Identity associations: aws eks list-pod-identity-associations --cluster-name " + o.cluster + " --namespace " + o.identity.Namespace,
	}
	for _, next := range did.Next {
		says.line("next: %s", next)
	}
	return says.value(did)
}

// confirm asks whoever sits at a terminal for the bucket's name, and a script for --yes.
func (o provisionOptions) confirm(cmd *cobra.Command, plan provision.RemovalPlan, bucket string) error {
	if o.yes {
		return nil
	}
	terminal, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return usageError{errors.New("--destroy deletes: look with --plan, then give --yes")}
	}
	prompt := cmd.ErrOrStderr()
	speaker{out: prompt}.steps(plan.Steps)
	return confirmName(cmd.InOrStdin(), prompt, bucket)
}

// confirmName reads one line, which must be the name.
func confirmName(in io.Reader, prompt io.Writer, name string) error {
	fmt.Fprintf(prompt, "This cannot be undone. Type the name of the bucket, %s, to go on: ", name)
	line, err := bufio.NewReader(io.LimitReader(in, 1024)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(line) != name {
		return fmt.Errorf("not confirmed: nothing is deleted; run it again and type %s, or give --yes", name)
	}
	return nil
}
