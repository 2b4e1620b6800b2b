package doctor

import (
	"strings"

	"github.com/managedcas/managedcas/internal/tenancy"
)

// Workload is whose identity a doctor has: what it may see and try depends on it.
type Workload string

// The workloads, and who is none of them.
const (
	Administrator Workload = "administrator"
	Backend       Workload = "backend"
	Controlplane  Workload = "controlplane"
	CAS           Workload = "cas"
)

// WorkloadOf returns whose identity an ARN is, as STS tells it: a session of a workload's
// role is that workload's, and everybody else is an administrator, who may see less.
func WorkloadOf(in tenancy.Installation, arn string) Workload {
	_, assumed, _ := strings.Cut(arn, ":assumed-role/") // without the path of the role (facts AWS §4.2)
	role, _, _ := strings.Cut(assumed, "/")
	switch role {
	case "":
		return Administrator
	case in.BackendRoleName:
		return Backend
	case in.ControlplaneRoleName:
		return Controlplane
	case in.CASRoleName:
		return CAS
	}
	return Administrator
}
