package s3api

import (
	"context"
	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Every bucket here has access control lists off (BucketOwnerEnforced): they are read as
// "full control for the owner", and not written
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html).

func aclOperations() []operation {
	const get, put = http.MethodGet, http.MethodPut
	return []operation{
		{shape{put, onBucket, "acl", false}, "PutBucketAcl", false, (*Service).putBucketACL},
		{shape{get, onObject, "acl", false}, "GetObjectAcl", true, (*Service).getObjectACL},
		{shape{put, onObject, "acl", false}, "PutObjectAcl", true, (*Service).putObjectACL},
	}
}

func (s *Service) getObjectACL(ctx context.Context, c *call) error {
	o, err := s.lookup(c)
	if err != nil {
		return err
	}
	if err := s.allowRead(ctx, c, "s3:GetObjectAcl", o); err != nil {
		return err
	}
	c.tellVersion(o.version)
	return writeXML(c.w, http.StatusOK, s.ownersACL())
}

func (s *Service) putObjectACL(ctx context.Context, c *call) error {
	o, err := s.lookup(c)
	if err != nil {
		return err
	}
	if err := s.allowRead(ctx, c, "s3:PutObjectAcl", o); err != nil {
		return err
	}
	return noACLs()
}

func (s *Service) putBucketACL(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:PutBucketAcl"); err != nil {
		return err
	}
	return noACLs()
}

func noACLs() *api.Error {
	return api.Errorf(http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs")
}
