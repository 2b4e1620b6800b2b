package doctor

import (
	"strings"

	"github.com/managedcas/managedcas/internal/tenancy"
)

// Administrator is who is none of the workloads.
const Administrator Workload = "administrator"

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
