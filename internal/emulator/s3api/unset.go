package s3api

import (
	"context"
	"encoding/xml"
	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// unsetOperations read settings that no bucket here can have, since the operations
// that put them are refused: the answer is AWS's for a bucket without the setting.
// OpenTofu reads all of them whenever it reads a bucket.
func unsetOperations() []operation {
	get := func(selector, name, action string, answer func(*Service) (any, *api.Error)) operation {
		return operation{shape{http.MethodGet, onBucket, selector, false}, name, false, unsetSetting(action, answer)}
	}
	viaAccessPoint := func(op operation) operation { // facts AWS §1.3
		op.viaAccessPoint = true
		return op
	}
	absent := func(code, message string) func(*Service) (any, *api.Error) {
		return func(*Service) (any, *api.Error) { return nil, api.Errorf(http.StatusNotFound, code, "%s", message) }
	}
	document := func(v any) func(*Service) (any, *api.Error) {
		return func(*Service) (any, *api.Error) { return v, nil }
	}
	return []operation{
		get("accelerate", "GetBucketAccelerateConfiguration", "s3:GetAccelerateConfiguration", document(accelerateConfiguration{})),
		viaAccessPoint(get("acl", "GetBucketAcl", "s3:GetBucketAcl", func(s *Service) (any, *api.Error) { return s.ownersACL(), nil })),
		viaAccessPoint(get("cors", "GetBucketCors", "s3:GetBucketCORS", absent("NoSuchCORSConfiguration", "The CORS configuration does not exist"))),
		get("logging", "GetBucketLogging", "s3:GetBucketLogging", document(loggingStatus{})),
		viaAccessPoint(get("notification", "GetBucketNotificationConfiguration", "s3:GetBucketNotification", document(notificationConfiguration{}))),
		get("object-lock", "GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration", absent("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")),
		get("replication", "GetBucketReplication", "s3:GetReplicationConfiguration", absent("ReplicationConfigurationNotFoundError", "The replication configuration was not found")),
		get("requestPayment", "GetBucketRequestPayment", "s3:GetBucketRequestPayment", document(requestPayment{Payer: "BucketOwner"})),
		get("website", "GetBucketWebsite", "s3:GetBucketWebsite", absent("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration")),
	}
}

func unsetSetting(action string, answer func(*Service) (any, *api.Error)) func(*Service, context.Context, *call) error {
	return func(s *Service, ctx context.Context, c *call) error {
		if err := s.allow(ctx, c, action); err != nil {
			return err
		}
		out, absent := answer(s)
		if absent != nil {
			absent.Extra = append(absent.Extra, [2]string{"BucketName", c.target.bucket.Name})
			return absent
		}
		return writeXML(c.w, http.StatusOK, out)
	}
}

type accelerateConfiguration struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ AccelerateConfiguration"`
}

type loggingStatus struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ BucketLoggingStatus"`
}

type notificationConfiguration struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ NotificationConfiguration"`
}

type requestPayment struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ RequestPaymentConfiguration"`
	Payer   string
}

type accessControlPolicy struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ AccessControlPolicy"`
	Owner   owner
	Grants  []grant `xml:"AccessControlList>Grant"`
}

type grant struct {
	Grantee    grantee
	Permission string
}

type grantee struct {
	XSI  string `xml:"xmlns:xsi,attr"`
	Type string `xml:"xsi:type,attr"`
	ID   string
}

// ownersACL is the access control list of every bucket here: full control for its
// owner, which is what AWS shows when lists are off.
func (s *Service) ownersACL() accessControlPolicy {
	own := s.owner()
	return accessControlPolicy{Owner: own, Grants: []grant{{
		grantee{"http://www.w3.org/2001/XMLSchema-instance", "CanonicalUser", own.ID}, "FULL_CONTROL",
	}}}
}
