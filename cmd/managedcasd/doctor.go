package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/doctor"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// doctorOptions are the flags of managedcasd doctor.
type doctorOptions struct {
	config, output, as string
	noCanary           bool
	patience           time.Duration
}

func doctorCommand() *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor --config FILE [-o table|json] [--no-canary]",
		Short: "Find out what is wrong with an installation, and how to put it right",
		Long: `Look at all that sections 1 to 4 of the operator's guide ask for, from the identity that
runs it, and name what was done otherwise: what is wrong, how it was seen, what follows from
it, and the commands that put it right. docs/doctor.md lists all that it knows.

It changes no setting. What the identity may not read counts as unseen, and as nothing
wrong: an administrator sees everything, the backend's pod most of it. A workload also
tries: the backend makes an access point and a session policy of an organization of nobody,
stores and reads as it, tries what must be denied, and takes everything away again;
controlplane and cas get a session. --no-canary leaves that out. --as says whose pod it is:
without it the role tells, and a pod that was given the role of another goes unnoticed.

Exit codes: 0 nothing that the installation needs is wrong, 1 the doctor itself failed,
2 wrong usage, 3 something is wrong: do what is said above.`,
		Example: `  managedcasd doctor --config managedcas.yaml
  kubectl exec deploy/managedcas-backend -- managedcasd doctor --config /etc/managedcas/config/managedcas.yaml --as backend -o json`,
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
	flags.StringVar(&o.as, "as", "", "backend, controlplane or cas; default: the one whose role the identity has")
	flags.BoolVar(&o.noCanary, "no-canary", false, "read only, and try nothing")
	flags.DurationVar(&o.patience, "patience", doctor.DefaultPatience, "how long a change may take to arrive everywhere in AWS; 0s to 10m")
	return cmd
}

// maxPatience is far more than AWS takes: who waits longer waits for something else.
const maxPatience = 10 * time.Minute

func (o doctorOptions) check(cmd *cobra.Command) error {
	if !slices.Contains([]string{"table", "json"}, o.output) {
		return usageError{fmt.Errorf("unknown output format %q: use table or json", o.output)}
	}
	if !slices.Contains([]doctor.Workload{"", doctor.Backend, doctor.Controlplane, doctor.CAS}, doctor.Workload(o.as)) {
		return usageError{fmt.Errorf("--as %q: use backend, controlplane or cas", o.as)}
	}
	if o.patience < 0 || o.patience > maxPatience {
		return usageError{fmt.Errorf("--patience is %s: 0s to %s", o.patience, maxPatience)}
	}
	return needFlag(cmd, "config", o.config)
}

func (o doctorOptions) run(ctx context.Context, stdout, stderr io.Writer) error {
	report, err := o.examine(ctx, stderr)
	if err != nil {
		return err
	}
	if err = printDoctor(stdout, report, o.output); ctx.Err() != nil {
		return errors.Join(err, errors.New("interrupted: not everything was looked at; run it again"))
	}
	return errors.Join(err, doctorVerdict(report))
}

// examine looks at the installation that the configuration describes, if it describes one.
func (o doctorOptions) examine(ctx context.Context, stderr io.Writer) (report doctor.Report, err error) {
	cfg, err := service.ReadConfig(o.config)
	if err != nil {
		return doctor.Misconfigured(o.config, err), nil
	}
	in, err := cfg.Backend.ManagedCas.Installation()
	if err != nil {
		return doctor.Misconfigured(o.config, err), nil
	}
	aws, err := connectAWS(ctx, cfg, in, nil, cfg.Log.Logger(stderr))
	if err != nil {
		return doctor.Misconfigured(o.config, err), nil
	}
	progress := newProgress(stderr)
	defer progress.done()
	progress.begin("reading the configuration of AWS")
	as := o.workload(ctx, aws, in)
	outside := &stores{cfg: cfg, in: in, aws: aws, as: as, write: !o.noCanary}
	defer func() { err = errors.Join(err, outside.close()) }()
	quotas := cfg.Backend.ManagedCas.Quotas
	d := doctor.New(doctor.Config{
		Installation: in, Buckets: aws, Settings: aws, Keys: aws, Roles: aws, Account: aws, Stores: outside,
		AccessPointPolicies: aws, Caller: aws, As: doctor.Workload(o.as), Environment: os.Getenv,
		Limits: doctor.Limits{AccessPoints: quotas.AccessPoints, Reserve: *quotas.Reserve},
	})
	report = d.Examine(ctx)
	if !o.noCanary {
		report.Results = append(report.Results, d.Canary(ctx, as, report, o.canary(ctx, aws, outside, progress))...)
	}
	return report, nil
}

// workload is whose identity the doctor has, as far as that can be told.
func (o doctorOptions) workload(ctx context.Context, aws *awscloud.Cloud, in tenancy.Installation) doctor.Workload {
	if o.as != "" {
		return doctor.Workload(o.as)
	}
	who, err := aws.Identity(ctx)
	if err != nil {
		return doctor.Administrator // that nobody answers is among what is looked at
	}
	return doctor.WorkloadOf(in, who.ARN)
}

// canary is what a canary needs, as far as there is.
func (o doctorOptions) canary(ctx context.Context, aws *awscloud.Cloud, outside *stores, progress *progress) doctor.CanaryConfig {
	cfg := doctor.CanaryConfig{
		AWS: aws, Open: func(s session.Session) doctor.Reach { return aws.Reach(s) }, Storage: aws,
		Patience: o.patience, Progress: progress.begin,
	}
	secrets, err := outside.secrets(ctx)
	if err != nil || outside.as == doctor.Administrator {
		return cfg
	}
	sessions, err := session.New(session.Config{Installation: outside.in, STS: aws, Secrets: secrets})
	if err != nil {
		return cfg
	}
	if db, err := outside.open(ctx); err == nil {
		cfg.Sessions, cfg.Neighbours = sessions, db
	}
	return cfg
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
	case failed == 1:
		return left{errors.New("1 finding needs an operator: do what is said above")}
	case failed > 0:
		return left{fmt.Errorf("%d findings need an operator: do what is said above", failed)}
	case report.Status() == doctor.Failed:
		return left{errors.New("something failed: see above")}
	}
	return nil
}
