package iamapi

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
)

type versionXML struct {
	Document         string `xml:",omitempty"` // GetPolicyVersion only
	VersionId        string
	IsDefaultVersion bool
	CreateDate       awsquery.Time
}

type versionResult struct{ PolicyVersion versionXML }

func describeVersion(p directory.Policy, v directory.VersionInfo) versionXML {
	return versionXML{VersionId: v.ID, IsDefaultVersion: v.ID == p.Default, CreateDate: awsquery.Time(v.Created)}
}

func versionNotFound(p directory.Policy, id string) error {
	return noSuchEntity("Policy %s version %s does not exist or is not attachable.", p.ARN, id)
}

func (s *Service) createVersion(ctx context.Context, c *call) (any, error) {
	text, makeDefault := c.document("PolicyDocument"), c.Bool("SetAsDefault")
	var view versionXML
	err := s.changePolicy(ctx, c, nil, func(tx directory.Tx, p directory.Policy) error {
		if err := s.checkManagedPolicy(text); err != nil {
			return err
		}
		if len(p.Versions) >= s.quotas.VersionsPerPolicy {
			return limitExceeded("A managed policy can have up to %d versions. Before you create a new version, "+
				"you must delete an existing version.", s.quotas.VersionsPerPolicy)
		}
		if err := s.addVersion(tx, &p, text, makeDefault); err != nil {
			return err
		}
		view = describeVersion(p, p.Versions[len(p.Versions)-1])
		return nil
	})
	return versionResult{view}, err
}

// addVersion stores a version under the next id, which is never used again, and the
// policy with it.
func (s *Service) addVersion(tx directory.Tx, p *directory.Policy, text string, makeDefault bool) error {
	used, err := directory.Versions.Count(tx)
	if err != nil {
		return err
	}
	if used >= s.quotas.PolicyVersionsUsed {
		return limitExceeded("Cannot exceed quota for PolicyVersionsInUse: %d", s.quotas.PolicyVersionsUsed)
	}
	p.Issued++
	p.Updated = tx.Now().UTC().Truncate(time.Second)
	v := directory.VersionInfo{ID: "v" + strconv.Itoa(p.Issued), Created: p.Updated}
	p.Versions = append(slices.Clone(p.Versions), v)
	if makeDefault {
		p.Default = v.ID
	}
	key := directory.VersionKey(p.ID, v.ID)
	if err := directory.Versions.Put(tx, key, directory.Version{VersionInfo: v, Document: text}); err != nil {
		return err
	}
	return directory.Policies.Put(tx, p.Name, *p)
}

func (s *Service) getVersion(ctx context.Context, c *call) (any, error) {
	id := c.versionID()
	p, err := s.authorizePolicy(ctx, c)
	if err != nil {
		return nil, err
	}
	var v directory.Version
	err = s.dir.View(func(tx directory.Tx) error {
		v, err = directory.PolicyVersion(tx, p, id)
		return found(err, versionNotFound(p, id))
	})
	if err != nil {
		return nil, err
	}
	view := describeVersion(p, v.VersionInfo)
	view.Document = encoded(v.Document)
	return versionResult{view}, nil
}

type listVersionsResult struct {
	Versions awsquery.List[versionXML]
	pageEnd
}

// listVersions lists the newest version first.
func (s *Service) listVersions(ctx context.Context, c *call) (any, error) {
	pg := readPage(c)
	p, err := s.authorizePolicy(ctx, c)
	if err != nil {
		return nil, err
	}
	list := collector[versionXML]{page: pg}
	for i, v := range slices.Backward(p.Versions) {
		// At most 5 versions: positions from the newest, in two digits.
		list.add(strconv.Itoa(10+len(p.Versions)-i), describeVersion(p, v))
	}
	return listVersionsResult{awsquery.Of(list.items), list.end()}, nil
}

func (s *Service) deleteVersion(ctx context.Context, c *call) (any, error) {
	id := c.versionID()
	return nil, s.changePolicy(ctx, c, nil, func(tx directory.Tx, p directory.Policy) error {
		at := slices.IndexFunc(p.Versions, func(v directory.VersionInfo) bool { return v.ID == id })
		if at < 0 {
			return versionNotFound(p, id)
		}
		if id == p.Default {
			return deleteConflict("Cannot delete the default version of a policy.")
		}
		p.Versions = slices.Delete(p.Versions, at, at+1)
		if err := directory.Versions.Delete(tx, directory.VersionKey(p.ID, id)); err != nil {
			return err
		}
		return directory.Policies.Put(tx, p.Name, p)
	})
}

func (s *Service) setDefaultVersion(ctx context.Context, c *call) (any, error) {
	id := c.versionID()
	return nil, s.changePolicy(ctx, c, nil, func(tx directory.Tx, p directory.Policy) error {
		if !slices.ContainsFunc(p.Versions, func(v directory.VersionInfo) bool { return v.ID == id }) {
			return versionNotFound(p, id)
		}
		p.Default = id
		p.Updated = tx.Now().UTC().Truncate(time.Second)
		return directory.Policies.Put(tx, p.Name, p)
	})
}

func (c *call) versionID() string {
	return c.Text("VersionId", awsquery.Limits{Required: true, Match: isVersionID, Pattern: `v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`})
}

func isVersionID(s string) bool {
	digits, ok := strings.CutPrefix(s, "v")
	n, err := strconv.Atoi(digits)
	return ok && err == nil && n > 0
}
