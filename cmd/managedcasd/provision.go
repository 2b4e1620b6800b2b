package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/provision"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// provisionOptions are the flags of provision.
type provisionOptions struct {
	config, output          string
	planOnly, replacePolicy bool
	destroy, yes            bool
	deleteKey               int
	identity                provision.Identity
	serviceAccounts         map[string]string
	cluster                 string
}

func provisionCommand() *cobra.Command {
	var o provisionOptions
	cmd := &cobra.Command{
		Use:   "provision --config FILE [--plan] [--destroy]",
		Short: "Put bucket, key, roles and policies of an installation in place",
		Long: `Put in place what an installation needs before its first organization: workload roles,
base role, KMS key and bucket, with their policies. It runs with the AWS credentials of its
environment, which must be those of an administrator of the account.

It looks first: --plan prints what would be done, with the statements that a policy loses
(-) and gets (+), and does nothing. What exists is adopted; a second run changes nothing.
Nothing is loosened: a Deny that somebody has put into one of the policies stays, and is
printed, unless --replace-policy drops it; an Allow that is not ours goes. The trust policy
of a workload role that exists stays, unless --workload-identity is given and all of it is
ours.

Pods get the workload roles by EKS Pod Identity, whose associations are printed for you to
make, or with --workload-identity irsa by the service accounts that the trust policies name.

--destroy takes all of it away again, the bucket first. It refuses while access points,
session policies or objects are left, deletes nothing that does not name this installation,
and keeps the KMS key, without which no backup can be read, unless --delete-key says for how
many days KMS is to keep it. It asks for the bucket's name, or for --yes in a script.`,
		Example: `  managedcasd provision --config managedcas.yaml --plan
  managedcasd provision --config managedcas.yaml
  managedcasd provision --config managedcas.yaml --workload-identity irsa \
    --oidc-provider-arn arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE
  managedcasd provision --config managedcas.yaml --destroy --plan`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := needFlag(cmd, "config", o.config); err != nil {
				return err
			}
			o.identity.ServiceAccounts = withDefaults(o.serviceAccounts)
			if err := o.check(); err != nil {
				return err
			}
			cfg, err := service.ReadConfig(o.config)
			if err != nil {
				return err
			}
			in := cfg.Backend.ManagedCas.Names()
			aws, err := administrator(cmd.Context(), cfg, in, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if o.destroy {
				return saysAction(o.remove(cmd, aws, in))
			}
			return saysAction(o.provision(cmd, aws, in))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.config, "config", "", "configuration file, YAML (required)")
	flags.BoolVar(&o.planOnly, "plan", false, "print what would be done, and do nothing")
	flags.StringVarP(&o.output, "output", "o", "text", "text or json")
	flags.BoolVar(&o.replacePolicy, "replace-policy", false, "drop denials that others have put into the policies")
	flags.StringVar(&o.identity.Kind, "workload-identity", "", "how pods get the workload roles: podIdentity or irsa; default: podIdentity for roles that are made")
	flags.StringVar(&o.identity.OIDCProviderARN, "oidc-provider-arn", "", "the cluster's OIDC provider, for irsa")
	flags.StringVar(&o.identity.Namespace, "namespace", "managedcas", "Kubernetes namespace of the service accounts")
	flags.StringToStringVar(&o.serviceAccounts, "service-accounts", nil, "names of the service accounts, as cas=NAME,backend=NAME; default: managedcas-backend and so on")
	flags.StringVar(&o.cluster, "cluster", "CLUSTER", "name of the EKS cluster, for the commands that are printed")
	flags.BoolVar(&o.destroy, "destroy", false, "take the installation away again")
	flags.IntVar(&o.deleteKey, "delete-key", 0, "with --destroy: have KMS delete the key after so many days, 7 to 30; 0: keep it")
	flags.BoolVar(&o.yes, "yes", false, "with --destroy: do not ask")
	return cmd
}

// withDefaults fills in the names that the chart makes for a release named managedcas.
func withDefaults(given map[string]string) map[string]string {
	names := map[string]string{}
	for _, workload := range provision.Workloads() {
		names[workload] = "managedcas-" + workload
	}
	maps.Copy(names, given)
	return names
}

// check refuses flags that do not go together.
func (o provisionOptions) check() error {
	switch d := o.deleteKey; {
	case o.output != "text" && o.output != "json":
		return usageError{fmt.Errorf("unknown output format %q: use text or json", o.output)}
	case !o.destroy && (d != 0 || o.yes):
		return usageError{errors.New("--delete-key and --yes are for --destroy")}
	case d != 0 && (d < provision.MinKeyDays || d > provision.MaxKeyDays):
		return usageError{fmt.Errorf("--delete-key %d: KMS keeps a key for %d to %d days", d, provision.MinKeyDays, provision.MaxKeyDays)}
	case o.destroy && (o.replacePolicy || o.identity.Kind != ""):
		return usageError{errors.New("--replace-policy and --workload-identity are not for --destroy")}
	}
	if err := o.identity.Check(); err != nil {
		return usageError{fmt.Errorf("--workload-identity, --oidc-provider-arn, --namespace, --service-accounts: %w", err)}
	}
	return nil
}

// administrator connects with the credentials of the shell, which must be of the account
// that the configuration names.
func administrator(ctx context.Context, cfg service.Config, in tenancy.Installation, stderr io.Writer) (*awscloud.Cloud, error) {
	aws, err := connectAWS(ctx, cfg, in, nil, cfg.Log.Logger(stderr))
	if err != nil {
		return nil, err
	}
	if _, err := newProvisioner(aws, in, nil); err != nil { // before anybody is asked anything
		return nil, fmt.Errorf("backend.managedCas: %w", err)
	}
	if err := needCredentials(ctx, aws, "an administrator of the account"); err != nil {
		return nil, err
	}
	who, err := aws.Identity(ctx)
	if err != nil {
		return nil, err
	}
	if who.AccountID != in.AccountID {
		return nil, fmt.Errorf("the credentials are those of %s, and accountId in backend.managedCas is %s: use others (AWS_PROFILE), or correct it", who.ARN, in.AccountID)
	}
	return aws, nil
}

// saysAction adds to a denial which permission was missing.
func saysAction(err error) error {
	if action := awscloud.Action(err); action != "" && errors.Is(err, cloud.ErrDenied) {
		return fmt.Errorf("%w; it takes the permission %s: run this as an administrator of the account, or have it allowed, and run it again", err, action)
	}
	return err
}

func newProvisioner(aws *awscloud.Cloud, in tenancy.Installation, log *slog.Logger) (*provision.Provisioner, error) {
	return provision.New(provision.Config{Installation: in, Roles: aws, Keys: aws, Buckets: aws, Settings: aws, Log: log})
}

// provisionNow plans and applies.
func provisionNow(ctx context.Context, aws *awscloud.Cloud, in tenancy.Installation, log *slog.Logger) (tenancy.Installation, error) {
	p, err := newProvisioner(aws, in, log)
	if err != nil {
		return in, err
	}
	plan, err := p.Plan(ctx)
	if err != nil {
		return in, err
	}
	return p.Apply(ctx, plan)
}
