package s3api

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
)

// A lifecycle configuration is checked, stored and returned. Of its actions incomplete
// uploads are aborted; objects do not expire. The shapes follow
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html.
type lifecycle struct {
	XMLName xml.Name        `xml:"LifecycleConfiguration"`
	Rules   []lifecycleRule `xml:"Rule"`
	Unknown unknown         `xml:",any"`
}

type lifecycleRule struct {
	ID                             string           `xml:",omitempty"`
	Prefix                         *string          `xml:",omitempty"`
	Filter                         *lifecycleFilter `xml:",omitempty"`
	Status                         string
	Expiration                     *expiration      `xml:",omitempty"`
	NoncurrentVersionExpiration    *noncurrent      `xml:",omitempty"`
	AbortIncompleteMultipartUpload *abortIncomplete `xml:",omitempty"`
	Unknown                        unknown          `xml:",any"`
}

type lifecycleFilter struct {
	Prefix                *string       `xml:",omitempty"`
	Tag                   *tag          `xml:",omitempty"`
	ObjectSizeGreaterThan *int64        `xml:",omitempty"`
	ObjectSizeLessThan    *int64        `xml:",omitempty"`
	And                   *lifecycleAnd `xml:",omitempty"`
	Unknown               unknown       `xml:",any"`
}

type lifecycleAnd struct {
	Prefix                *string `xml:",omitempty"`
	Tags                  []tag   `xml:"Tag"`
	ObjectSizeGreaterThan *int64  `xml:",omitempty"`
	ObjectSizeLessThan    *int64  `xml:",omitempty"`
	Unknown               unknown `xml:",any"`
}

type expiration struct {
	Date                      string `xml:",omitempty"`
	Days                      *int   `xml:",omitempty"`
	ExpiredObjectDeleteMarker *bool  `xml:",omitempty"`
}

type noncurrent struct {
	NoncurrentDays          *int `xml:",omitempty"`
	NewerNoncurrentVersions *int `xml:",omitempty"`
}

type abortIncomplete struct{ DaysAfterInitiation int32 }

// maxLifecycleRules is AWS's limit for a bucket.
const maxLifecycleRules = 1000

func (in lifecycle) check() error {
	if n := len(in.Rules); n == 0 || n > maxLifecycleRules {
		return malformedXML(fmt.Errorf("there must be 1 to %d rules", maxLifecycleRules))
	}
	ids := map[string]bool{}
	refuse := in.Unknown
	for _, rule := range in.Rules {
		refuse = slices.Concat(refuse, rule.Unknown) // transitions to other storage classes
		if rule.Filter != nil {
			refuse = slices.Concat(refuse, rule.Filter.Unknown)
			if rule.Filter.And != nil {
				refuse = slices.Concat(refuse, rule.Filter.And.Unknown)
			}
		}
		if err := rule.check(); err != nil {
			return err
		}
		if rule.ID != "" && ids[rule.ID] {
			return invalidArgument("ID", rule.ID, "Rule ID must be unique. Found same ID for more than one rule")
		}
		ids[rule.ID] = true
	}
	return refuse.refuse("PutBucketLifecycleConfiguration")
}

func (rule lifecycleRule) check() error {
	switch {
	case rule.Status != "Enabled" && rule.Status != "Disabled":
		return malformedXML(errors.New("the Status must be Enabled or Disabled"))
	case len(rule.ID) > 255:
		return invalidArgument("ID", rule.ID, "ID length should not exceed allowed limit of 255")
	case (rule.Prefix == nil) == (rule.Filter == nil):
		return malformedXML(errors.New("a rule has either a Filter or a Prefix"))
	case rule.Filter != nil && !rule.Filter.consistent():
		return malformedXML(errors.New("a Filter has one predicate, or And with two or more"))
	case len(rule.Unknown) == 0 && rule.Expiration == nil && rule.NoncurrentVersionExpiration == nil && rule.AbortIncompleteMultipartUpload == nil:
		return invalidRequest("At least one action needs to be specified in a rule")
	}
	return rule.checkActions()
}

func (rule lifecycleRule) checkActions() error {
	if e := rule.Expiration; e != nil {
		if count(e.Days != nil, e.Date != "", e.ExpiredObjectDeleteMarker != nil) != 1 {
			return malformedXML(errors.New("an Expiration has one of Days, Date and ExpiredObjectDeleteMarker"))
		}
		if e.Days != nil && *e.Days < 1 {
			return invalidArgument("Days", itoa(int64(*e.Days)), "'Days' for Expiration action must be a positive integer")
		}
	}
	if n := rule.NoncurrentVersionExpiration; n != nil && n.NoncurrentDays != nil && *n.NoncurrentDays < 1 {
		return invalidArgument("NoncurrentDays", itoa(int64(*n.NoncurrentDays)), "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer")
	}
	if a := rule.AbortIncompleteMultipartUpload; a != nil {
		if rule.Filter.beyondPrefix() {
			return invalidRequest("AbortIncompleteMultipartUpload cannot be specified with Tags or object sizes in the Filter.")
		}
		if a.DaysAfterInitiation < 1 {
			return invalidArgument("DaysAfterInitiation", itoa(int64(a.DaysAfterInitiation)), "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer")
		}
	}
	return nil
}

// consistent: https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRuleFilter.html.
func (f *lifecycleFilter) consistent() bool {
	if f.And != nil && count(f.And.Prefix != nil, f.And.ObjectSizeGreaterThan != nil, f.And.ObjectSizeLessThan != nil)+len(f.And.Tags) < 2 {
		return false
	}
	return count(f.Prefix != nil, f.Tag != nil, f.ObjectSizeGreaterThan != nil, f.ObjectSizeLessThan != nil, f.And != nil) <= 1
}

// count returns how many of its arguments are true.
func count(all ...bool) (n int) {
	for _, one := range all {
		if one {
			n++
		}
	}
	return n
}

// beyondPrefix reports a filter by what uploads do not have: tags and sizes.
func (f *lifecycleFilter) beyondPrefix() bool {
	if f == nil {
		return false
	}
	return f.Tag != nil || f.And != nil || f.ObjectSizeGreaterThan != nil || f.ObjectSizeLessThan != nil
}

// transitionMinimum is a setting of the configuration that has a header of its own;
// it can have no other value here, where nothing moves between storage classes.
const (
	transitionMinimum       = "X-Amz-Transition-Default-Minimum-Object-Size"
	transitionMinimumObject = "all_storage_classes_128K"
)

func (s *Service) putLifecycle(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:PutLifecycleConfiguration"); err != nil {
		return err
	}
	if v := c.r.Header.Get(transitionMinimum); v != "" && v != transitionMinimumObject {
		return notImplemented("PutBucketLifecycleConfiguration with x-amz-transition-default-minimum-object-size " + v)
	}
	var in lifecycle
	if err := c.decode("LifecycleConfiguration", &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	in.XMLName = xml.Name{}
	document, err := xml.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode the lifecycle configuration: %w", err)
	}
	c.w.Header().Set(transitionMinimum, transitionMinimumObject)
	return s.set(c, func(b *s3state.Bucket) { b.Lifecycle = document })
}

func (s *Service) getLifecycle(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:GetLifecycleConfiguration"); err != nil {
		return err
	}
	document := c.target.bucket.Lifecycle
	if len(document) == 0 {
		return api.Errorf(http.StatusNotFound, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
	}
	c.w.Header().Set("Content-Type", "application/xml")
	c.w.Header().Set(transitionMinimum, transitionMinimumObject)
	_, err := c.w.Write(append([]byte(xml.Header), document...))
	return err
}

func (s *Service) deleteLifecycle(ctx context.Context, c *call) error {
	if err := s.allow(ctx, c, "s3:PutLifecycleConfiguration"); err != nil {
		return err
	}
	return s.reset(c, func(b *s3state.Bucket) { b.Lifecycle = nil })
}
