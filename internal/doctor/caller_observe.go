package doctor

import (
	"context"

	"github.com/managedcas/managedcas/internal/cloud"
)

// Caller says who this process is in AWS.
type Caller interface {
	CredentialSource(ctx context.Context) (cloud.CredentialSource, error)
	Identity(ctx context.Context) (cloud.Identity, error)
}

// callerSeen is what was seen of the process itself.
type callerSeen struct {
	// As is the workload that the process ought to be; empty: nobody says.
	As          Workload
	Credentials Seen[cloud.CredentialSource]
	Identity    Seen[cloud.Identity]
	Environment map[string]string // those of environmentNames that are set
}

// environmentNames are the variables that bear on what the SDK does.
func environmentNames() []string {
	return []string{"AWS_REGION", "AWS_DEFAULT_REGION", inPod}
}

// inPod is set in every pod of Kubernetes.
const inPod = "KUBERNETES_SERVICE_HOST"

func (d *Doctor) observeCaller(ctx context.Context) callerSeen {
	o := callerSeen{As: d.cfg.As, Environment: map[string]string{}}
	for _, name := range environmentNames() {
		if value := d.cfg.Environment(name); value != "" {
			o.Environment[name] = value
		}
	}
	o.Credentials = seen(d.cfg.Caller.CredentialSource(ctx))
	if o.Credentials.Err != nil {
		o.Identity.Err = o.Credentials.Err
		return o
	}
	o.Identity = seen(d.cfg.Caller.Identity(ctx))
	return o
}

// workload is whose identity the process has.
func (o Observation) workload() Workload {
	if o.Identity.Err != nil {
		return Administrator
	}
	return WorkloadOf(o.Installation, o.Identity.Value.ARN)
}

// inside reports whether the process is one of the installation's, or stands where one is:
// an administrator's own machine may be anybody.
func (o Observation) inside() bool {
	return o.As != "" || o.workload() != Administrator || o.Environment[inPod] != ""
}
