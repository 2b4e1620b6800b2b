package s3api

import (
	"context"
	"encoding/xml"
	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// changeBucket applies edit to the bucket of the call as it is now.
func (s *Service) changeBucket(c *call, edit func(state.Tx, *s3state.Bucket) error) error {
	name := c.target.bucket.Name
	return s.cfg.DB.Update(func(tx state.Tx) error {
		b, err := s3state.Buckets.Get(tx, name)
		if err != nil {
			return known(err, noSuchBucket(name))
		}
		if err := edit(tx, &b); err != nil {
			return err
		}
		return s3state.Buckets.Put(tx, name, b)
	})
}

// set is changeBucket for an edit that cannot fail.
func (s *Service) set(c *call, edit func(*s3state.Bucket)) error {
	return s.changeBucket(c, func(_ state.Tx, b *s3state.Bucket) error {
		edit(b)
		return nil
	})
}

// reset is set for the operations that delete a setting.
func (s *Service) reset(c *call, edit func(*s3state.Bucket)) error {
	if err := s.set(c, edit); err != nil {
		return err
	}
	return c.noContent()
}

type publicAccessBlock struct {
	XMLName               xml.Name `xml:"PublicAccessBlockConfiguration"`
	BlockPublicAcls       bool
	IgnorePublicAcls      bool
	BlockPublicPolicy     bool
	RestrictPublicBuckets bool
	Unknown               unknown `xml:",any"`
}

func (s *Service) putPublicAccessBlock(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:PutBucketPublicAccessBlock"); err != nil {
		return err
	}
	var in publicAccessBlock
	if err := c.decode("PublicAccessBlockConfiguration", &in); err != nil {
		return err
	}
	if err := in.Unknown.refuse(c.op.name); err != nil {
		return err
	}
	return s.set(c, func(b *s3state.Bucket) {
		b.PublicAccessBlock = &s3state.PublicAccessBlock{
			BlockPublicAcls: in.BlockPublicAcls, IgnorePublicAcls: in.IgnorePublicAcls,
			BlockPublicPolicy: in.BlockPublicPolicy, RestrictPublicBuckets: in.RestrictPublicBuckets,
		}
	})
}

func (s *Service) getPublicAccessBlock(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:GetBucketPublicAccessBlock"); err != nil {
		return err
	}
	block := c.target.bucket.PublicAccessBlock
	if block == nil {
		return api.Errorf(http.StatusNotFound, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
	}
	return writeXML(c.w, http.StatusOK, publicAccessBlock{
		BlockPublicAcls: block.BlockPublicAcls, IgnorePublicAcls: block.IgnorePublicAcls,
		BlockPublicPolicy: block.BlockPublicPolicy, RestrictPublicBuckets: block.RestrictPublicBuckets,
	})
}

func (s *Service) deletePublicAccessBlock(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:PutBucketPublicAccessBlock"); err != nil {
		return err
	}
	return s.reset(c, func(b *s3state.Bucket) { b.PublicAccessBlock = nil })
}

type ownershipControls struct {
	XMLName xml.Name        `xml:"OwnershipControls"`
	Rules   []ownershipRule `xml:"Rule"`
	Unknown unknown         `xml:",any"`
}

type ownershipRule struct{ ObjectOwnership string }

func (s *Service) putOwnershipControls(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:PutBucketOwnershipControls"); err != nil {
		return err
	}
	var in ownershipControls
	if err := c.decode("OwnershipControls", &in); err != nil {
		return err
	}
	if len(in.Rules) != 1 || len(in.Unknown) > 0 {
		return api.Errorf(http.StatusBadRequest, "MalformedXML", "OwnershipControls must have exactly one Rule")
	}
	ownership := in.Rules[0].ObjectOwnership
	if ownership != ownerEnforced {
		// The other two settings turn access control lists on, which are not here.
		return notImplemented("PutBucketOwnershipControls with ObjectOwnership " + ownership)
	}
	return s.set(c, func(b *s3state.Bucket) { b.Ownership = ownership })
}

func (s *Service) getOwnershipControls(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:GetBucketOwnershipControls"); err != nil {
		return err
	}
	if c.target.bucket.Ownership == "" {
		return api.Errorf(http.StatusNotFound, "OwnershipControlsNotFoundError", "The bucket ownership controls were not found")
	}
	return writeXML(c.w, http.StatusOK, ownershipControls{Rules: []ownershipRule{{c.target.bucket.Ownership}}})
}

func (s *Service) deleteOwnershipControls(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:PutBucketOwnershipControls"); err != nil {
		return err
	}
	return s.reset(c, func(b *s3state.Bucket) { b.Ownership = "" })
}

type versioningConfiguration struct {
	XMLName   xml.Name `xml:"VersioningConfiguration"`
	Status    string   `xml:",omitempty"`
	MFADelete string   `xml:"MfaDelete,omitempty"`
}

func (s *Service) putVersioning(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:PutBucketVersioning"); err != nil {
		return err
	}
	var in versioningConfiguration
	if err := c.decode("VersioningConfiguration", &in); err != nil {
		return err
	}
	switch {
	case in.MFADelete == "Enabled":
		return notImplemented("PutBucketVersioning with MFA delete")
	case in.Status != versioningEnabled && in.Status != versioningSuspended:
		return api.Errorf(http.StatusBadRequest, "IllegalVersioningConfigurationException", "The Versioning element must be specified")
	}
	return s.set(c, func(b *s3state.Bucket) { b.Versioning = in.Status })
}

func (s *Service) getVersioning(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:GetBucketVersioning"); err != nil {
		return err
	}
	return writeXML(c.w, http.StatusOK, versioningConfiguration{Status: c.target.bucket.Versioning})
}
