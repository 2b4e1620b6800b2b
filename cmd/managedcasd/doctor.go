package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/doctor"
	"github.com/managedcas/managedcas/internal/service"
)

// doctorOptions are the flags of managedcasd doctor.
type doctorOptions struct {
	config, output string
}

func doctorCommand() *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor --config FILE [-o table|json]",
		Short: "Find out what is wrong with an installation, and how to put it right",
		Long: `Look at all that sections 1 to 4 of the operator's guide ask for, from the identity that
runs it, and name what was done otherwise: what is wrong, how it was seen, what follows from
it, and the commands that put it right. docs/doctor.md lists all that it knows.

It changes no setting. What the identity may not read counts as unseen, and as nothing
wrong: an administrator sees everything, the backend's pod most of it.

Exit codes: 0 nothing that the installation needs is wrong, 1 the doctor itself failed,
2 wrong usage, 3 something is wrong: do what is said above.`,
		Example: `  managedcasd doctor --config managedcas.yaml
  kubectl exec deploy/managedcas-backend -- managedcasd doctor --config /etc/managedcas/managedcas.yaml -o json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.config, "config", "", "configuration file, YAML (required)")
	flags.StringVarP(&o.output, "output", "o", "table", "table or json")
	return cmd
}

func (o doctorOptions) check(cmd *cobra.Command) error {
	if !slices.Contains([]string{"table", "json"}, o.output) {
		return usageError{fmt.Errorf("unknown output format %q: use table or json", o.output)}
	}
	return needFlag(cmd, "config", o.config)
}

func (o doctorOptions) run(ctx context.Context, stdout, stderr io.Writer) error {
	cfg, err := service.ReadConfig(o.config)
	if err != nil {
		return err
	}
	in, err := cfg.Backend.ManagedCas.Installation()
	if err != nil {
		return err
	}
	aws, err := connectAWS(ctx, cfg, in, nil, cfg.Log.Logger(stderr))
	if err != nil {
		return err
	}
	progress := newProgress(stderr)
	defer progress.done()
	progress.begin("reading the configuration of AWS")
	report := doctor.New(doctor.Config{Installation: in, Buckets: aws, Settings: aws, Keys: aws}).Examine(ctx)
	progress.done()
	return errors.Join(printDoctor(stdout, report, o.output), doctorVerdict(report))
}

// doctorVerdict is the exit code: what an operator has to do is no failure of this program.
func doctorVerdict(report doctor.Report) error {
	failed := 0
	for _, f := range report.Findings() {
		if f.Status == doctor.Failed {
			failed++
		}
	}
	switch {
	case failed > 0:
		return left{fmt.Errorf("%d findings need an operator: do what is said above", failed)}
	case report.Status() == doctor.Failed:
		return left{errors.New("something failed: see above")}
	}
	return nil
}
