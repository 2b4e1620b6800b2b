package emulator

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/iamapi"
	"github.com/managedcas/managedcas/internal/emulator/irsa"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/emulator/kmsapi"
	"github.com/managedcas/managedcas/internal/emulator/podidentity"
	"github.com/managedcas/managedcas/internal/emulator/s3api"
	"github.com/managedcas/managedcas/internal/emulator/s3control"
	"github.com/managedcas/managedcas/internal/emulator/secretsapi"
	"github.com/managedcas/managedcas/internal/emulator/stsapi"
	"github.com/managedcas/managedcas/internal/emulator/webidentity"
	"github.com/managedcas/managedcas/internal/iam"
)

// openServices opens every service over the account's records and fills a.services.
func (a *AWS) openServices() error {
	door := gate.New(a.directory)
	quotas := iamapi.DefaultQuotas()
	quotas.Policies = cmp.Or(a.cfg.Policies, quotas.Policies)
	kms, err := kmsapi.New(kmsapi.Config{
		DB: a.db, KeyFile: filepath.Join(a.cfg.Dir, "keys.db"),
		AccountID: a.cfg.AccountID, Region: a.cfg.Region,
		Gate: door, Principals: door, Log: a.cfg.Log,
	})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, kms)
	s3, err := s3api.New(s3api.Config{
		DB: a.db, Dir: a.cfg.Dir, AccountID: a.cfg.AccountID, Region: a.cfg.Region, Hosts: a.cfg.Hosts,
		Gate: door, Principals: door, Keys: kms, Log: a.cfg.Log,
	})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, s3)
	a.clusters = irsa.New(irsa.Config{DB: a.db, Region: a.cfg.Region})
	vault, err := secretsapi.New(secretsapi.Config{
		DB: a.db, AccountID: a.cfg.AccountID, Region: a.cfg.Region,
		Gate: door, Principals: door, Keys: kms, Log: a.cfg.Log,
	})
	if err != nil {
		return err
	}
	sts := stsapi.New(stsapi.Config{
		Directory: a.directory, Gate: door,
		Keys: issuerKeys{clusters: a.clusters, others: webidentity.NewIssuers()},
	})
	a.services = map[string]api.Emulated{
		"iam":            iamapi.New(iamapi.Config{Directory: a.directory, Gate: door, Principals: door, Policies: door, Quotas: quotas}),
		"sts":            sts,
		"kms":            kms,
		"secretsmanager": vault,
		"s3":             s3,
		"s3control": s3control.New(s3control.Config{
			DB: a.db, AccountID: a.cfg.AccountID, Region: a.cfg.Region, Quota: a.cfg.AccessPoints,
			Gate: door, Principals: door, Log: a.cfg.Log,
		}),
	}
	a.faults.Operations = map[string][]string{}
	for name, service := range a.services {
		a.faults.Operations[name] = service.Operations()
	}
	a.pods = podidentity.New(podidentity.Config{
		DB: a.db, AccountID: a.cfg.AccountID, Region: a.cfg.Region,
		Assumer: podAssumer{sts: sts, journal: a.journal, region: a.cfg.Region},
	})
	return nil
}

// issuerKeys asks the emulated clusters first: their issuers' URLs lead to EKS, where
// their keys are not.
type issuerKeys struct {
	clusters *irsa.Service
	others   webidentity.KeySource
}

func (k issuerKeys) Key(ctx context.Context, p webidentity.Provider, keyID string) (*jose.JSONWebKey, error) {
	key, err := k.clusters.Key(p.Issuer, keyID)
	switch {
	case errors.Is(err, irsa.ErrNotIssuer):
		return k.others.Key(ctx, p, keyID)
	case err == nil && key == nil:
		return nil, webidentity.UnknownKey()
	}
	return key, err
}

// podAssumer starts role sessions for pods and journals it: the request that came in
// was for the credentials endpoint, and AWS's own request to STS is the one whose
// verdict explains why a pod has no credentials.
type podAssumer struct {
	sts     *stsapi.Service
	journal *journal.Journal
	region  string
}

func (p podAssumer) AssumeRoleAsService(ctx context.Context, s podidentity.Session) (podidentity.Credentials, error) {
	start := time.Now()
	req := &api.Request{
		ID: newRequestID(), Service: "sts", Operation: "AssumeRole", Region: p.region, Resource: s.RoleARN,
		Caller:  &api.Caller{Kind: api.Service, ARN: s.Service},
		Context: iam.Context{},
	}
	got, err := p.sts.AssumeRoleAsService(api.WithRequest(ctx, req), s.Service, s.RoleARN, s.Name, s.Tags, s.Transitive, s.Duration)
	entry := entryOf(req, start)
	entry.Status = 200
	if err != nil {
		e := podidentity.AsAPIError(err)
		entry.Status, entry.Code, entry.Message = e.Status, e.Code, e.Message
	}
	p.journal.Add(entry)
	return podidentity.Credentials(got), err
}
