package moto

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// scene is an account with an access point of an organization, on a bucket without a policy,
// and a session of the base role.
type scene struct {
	cloud   *awscloud.Cloud
	network amazon
	in      tenancy.Installation
	tenant  tenancy.Tenant
	objects *awscloud.Objects

	disposition string // of what a presigned URL gave
}

var hello = []byte("hello")

// claim is something that AWS does for our client.
type claim struct {
	what  string
	holds func(ctx context.Context, s *scene) error
}

// What AWS does for our client moto does, but for its gaps: those fail, and nothing else.
// The claims build on each other.
func TestClients(t *testing.T) {
	t.Parallel()
	program := program(t)
	if program == "" {
		return
	}
	s := newScene(t, program)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var failed []string
	for _, c := range slices.Concat(policyClaims(), accessPointClaims(), sessionClaims(), objectClaims(), partClaims(), endClaims()) {
		if err := c.holds(ctx, s); err != nil {
			failed = append(failed, c.what)
			t.Logf("%s: %v", c.what, err)
		}
	}
	onlyGaps(t, "clients", failed)
}

func newScene(t *testing.T, program string) *scene {
	t.Helper()
	server := serve(t, program)
	c := connect(t, server)
	in := names()
	in.KMSKeyARN = "arn:aws:kms:" + region + ":" + account + ":key/11111111-2222-3333-4444-555555555555"
	in, err := tenancy.New(in)
	must(t, err)
	id, err := org.ParseID("0f8fad5b-d9cb-469f-a165-70867728950e")
	must(t, err)
	network := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(network.CloseIdleConnections)
	s := &scene{cloud: c, network: amazon{server, network}, in: in, tenant: in.Tenant(id)}
	_, err = c.CreateRole(t.Context(), in.BaseRoleName, "tenant", in.BaseRoleTrust(), time.Hour)
	must(t, err)
	must(t, c.CreateBucket(t.Context(), in.BucketName))
	return s
}

func policyClaims() []claim {
	return []claim{
		{"a session policy, made once", func(ctx context.Context, s *scene) error {
			made, err := s.cloud.CreatePolicy(ctx, s.tenant.SessionPolicyName(), "Session policy", s.tenant.SessionPolicy())
			_, twice := s.cloud.CreatePolicy(ctx, s.tenant.SessionPolicyName(), "Session policy", s.tenant.SessionPolicy())
			return first(err, want(made.ARN, s.tenant.SessionPolicyARN()), is(twice, cloud.ErrExists))
		}},
		{"a version that becomes the default, and the end of the others", func(ctx context.Context, s *scene) error {
			err := s.cloud.AddPolicyVersion(ctx, s.tenant.SessionPolicyARN(), s.tenant.SessionPolicy())
			prune := s.cloud.PrunePolicy(ctx, s.tenant.SessionPolicyARN(), 1)
			read, text, get := s.cloud.Policy(ctx, s.tenant.SessionPolicyARN())
			return first(err, prune, get, want(read.DefaultVersion, "v2"), contains(string(text), "OwnArtifacts"))
		}},
		{"a list of session policies", func(ctx context.Context, s *scene) error {
			var found []string
			for p, err := range s.cloud.Policies(ctx, s.in.SessionPolicyPrefix) {
				if err != nil {
					return err
				}
				found = append(found, p.Name)
			}
			return want(strings.Join(found, " "), s.tenant.SessionPolicyName())
		}},
		{"the quotas of IAM", func(ctx context.Context, s *scene) error {
			use, err := s.cloud.PolicyUse(ctx)
			return first(err, want(use.Policies, 1), want(use.PoliciesQuota, 1500))
		}},
	}
}

func accessPointClaims() []claim {
	return []claim{
		{"an access point", func(ctx context.Context, s *scene) error {
			_, err := s.cloud.CreateAccessPoint(ctx, s.tenant.APName(), s.in.BucketName)
			read, get := s.cloud.AccessPoint(ctx, s.tenant.APName())
			return first(err, get, want(read.Bucket, s.in.BucketName), want(read.NetworkOrigin, "Internet"), want(read.Block.All(), true))
		}},
		{"an access point has an ARN in its Region", func(ctx context.Context, s *scene) error {
			read, err := s.cloud.AccessPoint(ctx, s.tenant.APName())
			return first(err, want(read.ARN, s.tenant.APARN()))
		}},
		{"a policy of an access point", func(ctx context.Context, s *scene) error {
			_, none := s.cloud.AccessPointPolicy(ctx, s.tenant.APName())
			err := s.cloud.PutAccessPointPolicy(ctx, s.tenant.APName(), s.tenant.APPolicy("AROAEXAMPLE0BASE0ROLE"))
			text, get := s.cloud.AccessPointPolicy(ctx, s.tenant.APName())
			return first(is(none, cloud.ErrNotFound), err, get, contains(string(text), "AROAEXAMPLE0BASE0ROLE"))
		}},
		{"lists of access points", func(ctx context.Context, s *scene) error {
			var found []string
			for ap, err := range s.cloud.AccessPoints(ctx, s.in.BucketName, s.in.APPrefix) {
				if err != nil {
					return err
				}
				found = append(found, ap.Name)
			}
			n, err := s.cloud.AccessPointsInUse(ctx)
			return first(err, want(strings.Join(found, " "), s.tenant.APName()), want(n, 1))
		}},
	}
}

func sessionClaims() []claim {
	return []claim{
		{"who calls", func(ctx context.Context, s *scene) error {
			who, err := s.cloud.Identity(ctx)
			return first(err, want(who.AccountID, account))
		}},
		{"a session with tag and session policy", func(ctx context.Context, s *scene) error {
			credentials, err := s.cloud.AssumeRole(ctx, session.Request{
				RoleARN: s.in.BaseRoleARN(), SessionName: s.tenant.SessionName(), Policy: s.tenant.PassedPolicy(),
				Tags: s.tenant.SessionTags(), Lifetime: session.Lifetime,
			})
			s.objects = s.cloud.Objects(session.Session{Tenant: s.tenant, Credentials: credentials})
			return first(err, want(strings.HasPrefix(credentials.AccessKeyID, "ASIA"), true), want(credentials.SessionToken != "", true))
		}},
	}
}

func objectClaims() []claim {
	d := digest.Of(hello)
	put := func(ctx context.Context, s *scene, content string) error {
		return s.objects.Put(ctx, s.tenant.ObjectKey(d), d, int64(len(content)), strings.NewReader(content), cas.Label{FileName: "hello.txt"})
	}
	return []claim{
		{"bytes that are not those of the checksum", func(ctx context.Context, s *scene) error {
			other := digest.Of([]byte("other"))
			return is(s.objects.Put(ctx, s.tenant.ObjectKey(other), other, 5, bytes.NewReader(hello), cas.Label{}), cloud.ErrBadDigest)
		}},
		{"an object, stored once", func(ctx context.Context, s *scene) error {
			return first(put(ctx, s, "hello"), is(put(ctx, s, "hello"), cloud.ErrExists))
		}},
		{"what is stored is described", func(ctx context.Context, s *scene) error {
			info, err := s.objects.Stat(ctx, s.tenant.ObjectKey(d))
			there, exists := s.objects.Exists(ctx, s.tenant.ObjectKey(d))
			return first(err, exists, want(there, true), want(info.Size, 5), want(string(info.FileName), "hello.txt"))
		}},
		{"its checksum is S3's", func(ctx context.Context, s *scene) error {
			_, sum, err := s.objects.Checksum(ctx, s.tenant.ObjectKey(d))
			return first(err, want(sum, d))
		}},
		{"a part of it is read", func(ctx context.Context, s *scene) error {
			body, info, err := s.objects.Get(ctx, s.tenant.ObjectKey(d), cas.Range{Offset: 1, Length: 3}, "")
			if err != nil {
				return err
			}
			defer body.Close()
			text, err := io.ReadAll(body)
			return first(err, want(string(text), "ell"), want(info.Size, 5))
		}},
		{"what is behind its end is not", func(ctx context.Context, s *scene) error {
			_, _, err := s.objects.Get(ctx, s.tenant.ObjectKey(d), cas.Range{Offset: 5}, "")
			return is(err, cloud.ErrRange)
		}},
		{"nor what is not there", func(ctx context.Context, s *scene) error {
			_, _, err := s.objects.Get(ctx, s.tenant.KeyPrefix()+"missing", cas.Range{}, "")
			return is(err, cloud.ErrNotFound)
		}},
		{"a list, and what follows a key", func(ctx context.Context, s *scene) error {
			all, more, err := s.objects.List(ctx, s.tenant.KeyPrefix()+"sha256:2", "")
			rest, _, after := s.objects.List(ctx, s.tenant.KeyPrefix()+"sha256:2", s.tenant.ObjectKey(d))
			return first(err, after, want(more, false), want(len(all), 1), want(len(rest), 0))
		}},
		{"a presigned URL", func(ctx context.Context, s *scene) error {
			signed, err := s.objects.PresignGet(ctx, s.tenant.ObjectKey(d), "hello.txt", time.Minute)
			if err != nil {
				return err
			}
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, signed.URL, nil)
			if err != nil {
				return err
			}
			res, err := (&http.Client{Transport: s.network}).Do(r)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			s.disposition = res.Header.Get("Content-Disposition")
			return first(err, want(string(text), "hello"))
		}},
		{"a presigned URL has a browser save the content", func(_ context.Context, s *scene) error {
			return want(s.disposition, "attachment; filename=hello.txt")
		}},
	}
}

func partClaims() []claim {
	key := func(s *scene) string { return s.tenant.KeyPrefix() + "parts" }
	const part = 5 << 20 // the least that S3 takes of one that others follow
	return []claim{
		{"an upload in parts, with the CRC64NVME of the whole", func(ctx context.Context, s *scene) error {
			id, err := s.objects.Begin(ctx, key(s), cas.Label{})
			if err != nil {
				return err
			}
			one, err := s.objects.SendPart(ctx, key(s), id, cas.Part{Number: 1, Size: part, Body: bytes.NewReader(make([]byte, part))})
			if err != nil {
				return err
			}
			two, err := s.objects.SendPart(ctx, key(s), id, cas.Part{Number: 2, Size: 5, Body: bytes.NewReader(hello)})
			if err != nil {
				return err
			}
			if err := s.objects.Complete(ctx, key(s), id, []cas.SentPart{one, two}); err != nil {
				return err
			}
			info, err := s.objects.Stat(ctx, key(s))
			return first(err, want(info.Size, part+5))
		}},
		{"an upload that was aborted is gone", func(ctx context.Context, s *scene) error {
			id, err := s.objects.Begin(ctx, key(s)+"2", cas.Label{})
			if err != nil {
				return err
			}
			if err := s.objects.Abort(ctx, key(s)+"2", id); err != nil {
				return err
			}
			_, err = s.objects.SendPart(ctx, key(s)+"2", id, cas.Part{Number: 1, Size: 5, Body: bytes.NewReader(hello)})
			return is(err, cloud.ErrUploadGone)
		}},
		{"a second upload finds the object in its place", func(ctx context.Context, s *scene) error {
			id, err := s.objects.Begin(ctx, key(s), cas.Label{})
			if err != nil {
				return err
			}
			sent, err := s.objects.SendPart(ctx, key(s), id, cas.Part{Number: 1, Size: 5, Body: bytes.NewReader(hello)})
			if err != nil {
				return err
			}
			return is(s.objects.Complete(ctx, key(s), id, []cas.SentPart{sent}), cloud.ErrExists)
		}},
		{"what a bucket holds is counted", func(ctx context.Context, s *scene) error {
			contents, err := s.cloud.BucketContents(ctx, s.in.BucketName, 1000)
			return first(err, want(contents.Versions > 1, true), want(contents.DeleteMarkers, 0), want(contents.Uploads, 1))
		}},
		{"a bucket that is not empty stays", func(ctx context.Context, s *scene) error {
			return want(s.cloud.DeleteBucket(ctx, s.in.BucketName) != nil, true)
		}},
	}
}

func endClaims() []claim {
	return []claim{
		{"objects of a bucket with our policy", func(ctx context.Context, s *scene) error {
			if err := s.cloud.PutBucketPolicy(ctx, s.in.BucketName, s.in.BucketPolicy()); err != nil {
				return err
			}
			d := digest.Of([]byte("more"))
			return s.objects.Put(ctx, s.tenant.ObjectKey(d), d, 4, strings.NewReader("more"), cas.Label{})
		}},
		{"the end of an access point, twice", func(ctx context.Context, s *scene) error {
			err := s.cloud.DeleteAccessPoint(ctx, s.tenant.APName())
			twice := s.cloud.DeleteAccessPoint(ctx, s.tenant.APName())
			_, gone := s.cloud.AccessPoint(ctx, s.tenant.APName())
			return first(err, twice, is(gone, cloud.ErrNotFound))
		}},
		{"a key that is deleted by its ARN", func(ctx context.Context, s *scene) error {
			key, err := s.cloud.CreateKey(ctx, "a key")
			if err != nil {
				return err
			}
			_, err = s.cloud.ScheduleKeyDeletion(ctx, key.ARN, 7)
			return err
		}},
		{"the end of a session policy, twice", func(ctx context.Context, s *scene) error {
			err := s.cloud.DeletePolicy(ctx, s.tenant.SessionPolicyARN())
			twice := s.cloud.DeletePolicy(ctx, s.tenant.SessionPolicyARN())
			return first(err, twice)
		}},
	}
}

// first is the first error of several.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func want[T comparable](got, want T) error {
	if got != want {
		return fmt.Errorf("got %v, want %v", got, want)
	}
	return nil
}

func contains(text, part string) error {
	return want(strings.Contains(text, part), true)
}

func is(err, outcome error) error {
	if !errors.Is(err, outcome) {
		return fmt.Errorf("got %v, want %w", err, outcome)
	}
	return nil
}
