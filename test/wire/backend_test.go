package wire

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	backendService = "controlplane.v1.CASBackendService/"
	managedBackend = "chainloop-cloud-storage"
)

// structure is a google.protobuf.Struct of texts.
func structure(pairs ...string) []byte {
	var b []byte
	for i := 0; i < len(pairs); i += 2 {
		b = append(b, data(1, slices.Concat(text(1, pairs[i]), data(2, text(3, pairs[i+1]))))...)
	}
	return b
}

// change makes a call whose result, a CASBackendItem, the client reads unchecked (§2, §3).
func (s site) change(t *testing.T, method string, fields ...[]byte) message {
	t.Helper()
	m := s.admin.must(t, backendService+method, fields...)
	m.only(t, method, 1)
	return m.at(t, 1)
}

// done makes a call whose answer is empty.
func (s site) done(t *testing.T, method, name string) {
	t.Helper()
	if m := s.admin.must(t, backendService+method, text(1, name)); len(m) != 0 {
		t.Errorf("%s: the answer has fields: %v", method, m)
	}
}

// backends are those of the list, by name.
func (s site) backends(t *testing.T) map[string]message {
	t.Helper()
	all := map[string]message{}
	for _, item := range s.controlplane.must(t, backendService+"List")[1] {
		b := parse(t, item.bytes)
		all[b.text(11)] = b
	}
	return all
}

// uploadsTo is the backend that uploads go to.
func (s site) uploadsTo(t *testing.T) string {
	t.Helper()
	return s.controlplane.must(t, "controlplane.v1.CASCredentialsService/Get", number(1, 2)).at(t, 1, 3).text(11)
}

// checkOwn: an own bucket is shown as the organization has described it.
func checkOwn(t *testing.T, what string, b message, location, description string) {
	t.Helper()
	b.only(t, "CASBackendItem", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
	if !isUUID(b.text(1)) || b.text(11) != "own" || b.text(2) != location || b.text(7) != "AWS-S3" || b.text(3) != description {
		t.Errorf("%s: backend %v", what, b)
	}
	if b.number(6) != 1 || len(b[12]) != 0 || b.number(10) != 0 || b.number(15) != 0 || b.at(t, 9).number(1) != maxArtifact {
		t.Errorf("%s: backend %v", what, b)
	}
	times(t, what, b, map[protowire.Number]bool{4: true, 5: true, 13: true})
}

// §3: cas-backend create, update, revalidate and delete, with a bucket that is there.
func TestCASBackendLife(t *testing.T) {
	t.Parallel()
	s := newSite(t, "backends")
	b := s.ownBucket(t)
	credentials := structure("region", daemon.AWS.Region, "roleArn", b.role)

	made := s.change(t, "Create", text(1, b.name), text(2, "AWS-S3"), text(3, "ours"), yes(4), data(5, credentials), text(6, "own"))
	checkOwn(t, "created", made, b.name, "ours")
	if all := s.backends(t); len(all) != 2 || all["own"].number(8) != 1 || all[managedBackend].number(8) != 0 || made.number(8) != 1 || made.number(14) != 0 {
		t.Errorf("created as the default: %v", all)
	}
	if to := s.uploadsTo(t); to != "own" {
		t.Errorf("uploads go to %s", to)
	}
	content := []byte("in a bucket of their own")
	if _, err := s.cas(t, 2, "").exchange(t, writeMethod, pieces(nameOf(t, "f", content), content), true); err != nil {
		t.Fatal(err)
	}
	if got, err := s.read(t, hexOf(content)); err != nil || string(got) != string(content) {
		t.Errorf("read %q, %v", got, err)
	}

	// What is optional and empty, or no, is another thing than what is left out.
	changed := s.change(t, "Update", text(1, "own"), text(2, ""), number(3, 0), yes(6))
	checkOwn(t, "the fallback", changed, b.name, "")
	if changed.number(8) != 0 || changed.number(14) != 1 || s.backends(t)[managedBackend].number(8) != 1 {
		t.Errorf("the fallback: %v", changed)
	}
	changed = s.change(t, "Update", text(1, "own"), text(2, "again"), yes(3), data(4, credentials))
	checkOwn(t, "the default again", changed, b.name, "again")
	if changed.number(8) != 1 || changed.number(14) != 0 {
		t.Errorf("the default again: %v", changed)
	}
	checkBackend(t, s.change(t, "Update", text(1, managedBackend), yes(3)))
	if to := s.uploadsTo(t); to != managedBackend {
		t.Errorf("uploads go to %s", to)
	}

	// W25: that it is not valid is the answer, and what clients are told from then on.
	s.done(t, "Revalidate", "own")
	s.change(t, "Update", text(1, "own"), yes(3))
	b.trust(t, strings.ReplaceAll(b.trusts, b.id, "another"))
	_, err := s.admin.call(t, backendService+"Revalidate", text(1, "own"))
	refused{codes.FailedPrecondition, "the role cannot be assumed", ""}.check(t, "revalidate without trust", err)
	if own := s.backends(t)["own"]; own.number(6) != 2 || own.text(12) == "" || own.number(8) != 0 {
		t.Errorf("without trust: %v", own)
	}
	_, err = s.admin.call(t, backendService+"Update", text(1, "own"), yes(3))
	refused{codes.FailedPrecondition, "not valid", ""}.check(t, "make it the default", err)
	b.trust(t, b.trusts)
	s.done(t, "Revalidate", "own")
	checkOwn(t, "with trust again", s.backends(t)["own"], b.name, "again")

	s.change(t, "Update", text(1, "own"), yes(3))
	s.done(t, "Delete", "own")
	_, err = s.admin.call(t, backendService+"Delete", text(1, "own"))
	refused{code: codes.NotFound}.check(t, "delete it again", err)
	if all := s.backends(t); len(all) != 1 || all[managedBackend].number(8) != 1 {
		t.Errorf("after the default was deleted: %v", all)
	}
}

// §3, §9: what is refused, with which code; no answer is about the managed backend's
// coordinates.
func TestCASBackendsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, "unbacked")
	role := fmt.Sprintf("arn:aws:iam::%s:role/customer/unbacked", daemon.AWS.AccountID)
	create := func(name, provider string, more ...[]byte) [][]byte {
		return append([][]byte{text(1, "a-bucket"), text(2, provider), text(6, name)}, more...)
	}
	given := func(pairs ...string) []byte { return data(5, structure(pairs...)) }
	own := given("region", "us-east-1", "roleArn", role)
	for what, tc := range map[string]struct {
		method string
		fields [][]byte
		want   refused
	}{
		"nothing at all":                     {"Create", nil, refused{codes.InvalidArgument, "no provider", ""}},
		"a registry":                         {"Create", create("own", "OCI", own), refused{codes.InvalidArgument, "no provider", ""}},
		"an access point":                    {"Create", create("own", "AWS-S3-ACCESS-POINT", own), refused{codes.InvalidArgument, "no provider", ""}},
		"the managed one's name":             {"Create", create(managedBackend, "AWS-S3", own), refused{codes.InvalidArgument, "reserved", ""}},
		"a name that is none":                {"Create", create("Own", "AWS-S3", own), refused{codes.InvalidArgument, "not a name", ""}},
		"the default and the fallback":       {"Create", create("own", "AWS-S3", own, yes(4), yes(8)), refused{codes.InvalidArgument, "both", ""}},
		"artifacts of a byte":                {"Create", create("own", "AWS-S3", own, number(7, 1)), refused{codes.InvalidArgument, "out of range", ""}},
		"artifacts of less than nothing":     {"Create", create("own", "AWS-S3", own, number(7, math.MaxUint64)), refused{codes.InvalidArgument, "out of range", ""}},
		"no credentials":                     {"Create", create("own", "AWS-S3"), refused{codes.InvalidArgument, "region and roleArn", ""}},
		"credentials that are empty":         {"Create", create("own", "AWS-S3", data(5, nil)), refused{codes.InvalidArgument, "region and roleArn", ""}},
		"credentials that are no texts":      {"Create", create("own", "AWS-S3", data(5, data(1, slices.Concat(text(1, "region"), data(2, yes(4)))))), refused{codes.InvalidArgument, "not a text", ""}},
		"access keys":                        {"Create", create("own", "AWS-S3", given("accessKeyID", "AKIA", "secretAccessKey", "hunter2")), refused{codes.InvalidArgument, "access keys are not accepted", ""}},
		"an external id of their choice":     {"Create", create("own", "AWS-S3", given("region", "us-east-1", "roleArn", role, "externalId", "mine")), refused{codes.InvalidArgument, "not one to be chosen", ""}},
		"a role that the operator wants not": {"Create", create("own", "AWS-S3", given("region", "us-east-1", "roleArn", strings.Replace(role, "customer/", "", 1))), refused{codes.InvalidArgument, "this role cannot be used", ""}},
		"a role that lets nobody in":         {"Create", create("own", "AWS-S3", own), refused{codes.InvalidArgument, "the role cannot be assumed", ""}},

		"nothing of the managed one": {"Update", [][]byte{text(1, managedBackend)}, refused{codes.FailedPrecondition, "cannot be changed", ""}},
		"its description":            {"Update", [][]byte{text(1, managedBackend), text(2, "ours"), yes(3)}, refused{codes.FailedPrecondition, "cannot be changed", ""}},
		"its credentials":            {"Update", [][]byte{text(1, managedBackend), data(4, structure("region", "us-east-1", "roleArn", role))}, refused{codes.FailedPrecondition, "cannot be changed", ""}},
		"its limit":                  {"Update", [][]byte{text(1, managedBackend), number(5, 20<<20)}, refused{codes.FailedPrecondition, "cannot be changed", ""}},
		"that it is the default":     {"Update", [][]byte{text(1, managedBackend), number(3, 0)}, refused{codes.FailedPrecondition, "cannot be changed", ""}},
		"its end":                    {"Delete", [][]byte{text(1, managedBackend)}, refused{codes.FailedPrecondition, "cannot be deleted", ""}},
		"its validation":             {"Revalidate", [][]byte{text(1, managedBackend)}, refused{codes.FailedPrecondition, "cannot be validated", ""}},
		"one that is not there":      {"Update", [][]byte{text(1, "own"), yes(3)}, refused{codes.NotFound, "no storage backend", ""}},
		"the end of one that is not": {"Delete", [][]byte{text(1, "own")}, refused{codes.NotFound, "no storage backend", ""}},
		"the validation of one":      {"Revalidate", [][]byte{text(1, "own")}, refused{codes.NotFound, "no storage backend", ""}},
		"no name":                    {"Delete", nil, refused{codes.NotFound, "no storage backend", ""}},
	} {
		_, err := s.admin.call(t, backendService+tc.method, tc.fields...)
		tc.want.check(t, tc.method+" "+what, err)
		if err != nil && (strings.Contains(err.Error(), ":accesspoint/") || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s %s: the answer tells too much: %v", tc.method, what, err)
		}
		_, err = s.controlplane.call(t, backendService+tc.method, tc.fields...)
		refused{code: codes.PermissionDenied}.check(t, tc.method+" "+what+", with the organization's token", err)
	}
	if all := s.backends(t); len(all) != 1 || all[managedBackend].number(8) != 1 {
		t.Errorf("backends after all of that: %v", all)
	}
}
