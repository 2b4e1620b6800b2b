package service

import (
	"errors"
	"fmt"
	"strings"

	"github.com/managedcas/managedcas/internal/tenancy"
)

// complete fills in defaults. Its error begins with the key.
func (q *Quotas) complete() error {
	byDefault(&q.AccessPoints, DefaultAccessPointQuota)
	if q.Reserve == nil {
		q.Reserve = new(DefaultQuotaReserve)
	}
	switch {
	case q.AccessPoints < 1 || q.AccessPoints > maxAccessPointQuota:
		return fmt.Errorf("accessPoints is %d: 1 to %d", q.AccessPoints, maxAccessPointQuota)
	case *q.Reserve < 0 || *q.Reserve > maxQuotaReserve:
		return fmt.Errorf("reserve is %d: 0 to %d", *q.Reserve, maxQuotaReserve)
	}
	return nil
}

// Installation returns the installation that backend.managedCas describes, checked.
func (m ManagedCas) Installation() (tenancy.Installation, error) {
	if !m.Enabled {
		return tenancy.Installation{}, errors.New("backend.managedCas.enabled is false: set it to true")
	}
	in, err := tenancy.New(m.Names())
	if err != nil {
		return in, fmt.Errorf("backend.managedCas: %w", err)
	}
	return in, nil
}

// Names is Installation without the checks: before an installation is provisioned, its
// key may have no ARN yet.
func (m ManagedCas) Names() tenancy.Installation {
	return tenancy.Installation{
		Partition:            orDefault(m.Partition, "aws"),
		AccountID:            m.AccountID,
		Region:               m.Region,
		BucketName:           m.BucketName,
		KMSKeyARN:            m.KMSKeyARN,
		APPrefix:             m.APPrefix,
		BaseRoleName:         m.BaseRoleName,
		SessionPolicyPrefix:  m.SessionPolicyPrefix,
		SessionPolicyMode:    m.SessionPolicyMode,
		BackendRoleName:      m.BackendRoleName,
		ControlplaneRoleName: m.ControlplaneRoleName,
		CASRoleName:          orDefault(m.CASRoleName, m.ControlplaneRoleName),
		OperatorARNs:         m.OperatorARNs,
		PurgeRoleName:        m.purgeRole(),
		Secrets:              m.secrets,
		OwnBucketRoles:       m.ownBucketRoles,
		// Only an embedded AWS is reached without TLS, and only on loopback: the client
		// refuses any other plain http endpoint (docs/decisions/002).
		Loopback: strings.HasPrefix(m.Endpoint, "http://"),
	}
}

func orDefault(value, fallback string) string {
	if strings.TrimSpace(value) == "" {
		return fallback
	}
	return value
}
