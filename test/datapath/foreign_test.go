package datapath

import (
	"bytes"
	"context"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	casv1 "github.com/managedcas/managedcas/proto/cas/v1"
	"github.com/managedcas/managedcas/test/rig"
)

// W22: an object that something else has stored, without our metadata or with nonsense in
// it, is an artifact without a name: described, uploaded again and downloaded. One with
// other content is never served whole.
func TestW22_ForeignObjectsAreArtifacts(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{Reuse: rig.LongReuse})
	for _, l := range s.lanes(t) {
		for what, with := range map[string]map[string]string{"no metadata": nil, "others'": {"author": "somebody"}, "nonsense": {"filename": "%zz", "name": "..%2f.."}} {
			content, d := rig.Content(1000)
			s.store(t, d, content, with)
			info, err := casv1.NewResourceServiceClient(s.conn).Describe(s.reads(t, d), &casv1.ResourceServiceDescribeRequest{Digest: d.Hex()})
			if r := info.GetResult(); err != nil || r.GetSize() != 1000 || r.GetFileName() != "" {
				t.Errorf("%s: described as %v, %v", what, r, err)
			}
			if o := l.put(t, s.uploader(), d, 1000, bytes.NewReader(content)); o.failed {
				t.Errorf("%s, %s: uploaded: %s", l, what, o)
			}
			s.holds(t, what, l, d, content)
		}
		_, d := rig.Content(1000)
		wrong, _ := rig.Content(1000)
		s.store(t, d, wrong, nil)
		if got, o := read(t, l, s.downloader(d), d, cas.Range{}); o.kind != problem.Corrupt || len(got) >= len(wrong) {
			t.Errorf("%s: other content: %d bytes, %s", l, len(got), o)
		}
	}
}

func (s *site) reads(t *testing.T, d digest.Digest) context.Context {
	t.Helper()
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.Token(t, s.downloader(d)))
}

// store puts an object under d as the organization's session may.
func (s *site) store(t *testing.T, d digest.Digest, content []byte, described map[string]string) {
	t.Helper()
	key := s.Session(t, s.org).Credentials
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	client := s3.New(s3.Options{
		Region: s.Installation.Region, BaseEndpoint: aws.String(s.Endpoint()), UsePathStyle: true, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, key.SessionToken),
	})
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(s.Alias(t, s.org)), Key: aws.String(s.Installation.Tenant(s.org).ObjectKey(d)),
		Body: bytes.NewReader(content), IfNoneMatch: aws.String("*"), Metadata: described,
	}); err != nil {
		t.Fatal(err)
	}
}
