package controlplane_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// TestListsSayWhatTheyLeaveOff: those without pages, of which clients could not know else.
func TestListsSayWhatTheyLeaveOff(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme := p.organization(t, "acme", org.Ready)
	ann, login := p.user(t, "ann")
	p.join(t, ann, acme, registry.Viewer)
	for _, name := range []org.Name{"globex", "initech"} {
		p.join(t, ann, p.organization(t, name, org.Ready), registry.Viewer)
	}
	instance := p.token(t, org.Organization{})
	const key = "managedcas-left-off"
	for _, token := range []string{login, instance} {
		for most, left := range map[int]int{4: 0, 3: 0, 2: 1} {
			p.server.ListAtMost(most)
			var header metadata.MD
			list, err := p.users().ListMemberships(as(t, token, ""), nil, grpc.Header(&header))
			if err != nil || len(list.GetResult()) != min(most, 3) || len(header.Get(key)) != left {
				t.Errorf("at most %d: %d are listed, %v, %v", most, len(list.GetResult()), header, err)
			}
		}
	}
	// What is not listed can be chosen all the same.
	held, _, err := p.db.MembershipsOf(t.Context(), ann.ID, "globex", 1)
	if err != nil || len(held) != 1 {
		t.Fatalf("%v, %v", held, err)
	}
	_, err = p.users().SetCurrentMembership(as(t, login, ""), &controlplanev1.SetCurrentMembershipRequest{MembershipId: held[0].ID.String()})
	wantCode(t, "the one that is left off, made current", err, codes.OK)

	for i := range registry.MaxTokens + 1 {
		created := time.Now().Add(time.Duration(i) * time.Second)
		record := registry.Token{ID: uuid.New(), Org: acme.ID, Name: fmt.Sprint("t", i), Sum: sha256.Sum256(fmt.Append(nil, i)), CreatedAt: created, RevokedAt: created}
		if err := p.db.CreateToken(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		if i < registry.MaxTokens-1 {
			continue
		}
		var header metadata.MD
		list, err := p.apiTokens().List(as(t, instance, "acme"), &controlplanev1.APITokenServiceListRequest{IncludeRevoked: true}, grpc.Header(&header))
		left := i - (registry.MaxTokens - 1)
		if err != nil || len(list.GetResult()) != registry.MaxTokens || len(header.Get(key)) != left {
			t.Errorf("of %d revoked: %d are listed, %v, %v", i+1, len(list.GetResult()), header, err)
		}
		for _, item := range list.GetResult() {
			if left == 1 && item.GetName() == "t0" {
				t.Error("the one that was revoked first is listed")
			}
		}
	}
	var header metadata.MD
	if _, err := p.apiTokens().List(as(t, instance, "acme"), nil, grpc.Header(&header)); err != nil || len(header.Get(key)) != 0 {
		t.Errorf("of those that live nothing is left off: %v, %v", header, err)
	}
}
