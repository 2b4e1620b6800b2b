package controlplane_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/internal/org"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

func (p *plane) bootstraps() managedcasv1.BootstrapServiceClient {
	return managedcasv1.NewBootstrapServiceClient(p.conn)
}

// bootstrap returns the token of the first start.
func (p *plane) bootstrap(t *testing.T) string {
	t.Helper()
	token, err := p.server.Bootstrap(t.Context())
	if err != nil || token == "" {
		t.Fatalf("the first start makes token %q, %v", token, err)
	}
	return token
}

func TestBootstrapTokenIsGoodOnce(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	token := p.bootstrap(t)
	var won, lost atomic.Int32
	var mu sync.Mutex
	var given string
	var together sync.WaitGroup
	for range 50 {
		together.Go(func() {
			got, err := p.bootstraps().Redeem(t.Context(), &managedcasv1.BootstrapServiceRedeemRequest{Token: token})
			switch status.Code(err) {
			case codes.OK:
				won.Add(1)
				mu.Lock()
				given = got.GetToken()
				mu.Unlock()
			case codes.PermissionDenied, codes.FailedPrecondition:
				lost.Add(1)
			default:
				t.Errorf("redeem: %v", err)
			}
		})
	}
	together.Wait()
	if won.Load() != 1 || lost.Load() != 49 {
		t.Fatalf("%d of 50 redeemed it, and %d were refused: want 1 and 49", won.Load(), lost.Load())
	}
	if _, err := p.admin().List(as(t, given, ""), nil); err != nil {
		t.Errorf("the token that it gave: %v", err)
	}
	if again, err := p.server.Bootstrap(t.Context()); err != nil || again != "" {
		t.Errorf("a start with an administrator makes token %q, %v", again, err)
	}
}

func TestBootstrapMakesASignedInUserAnAdministrator(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	token := p.bootstrap(t)
	_, login := p.user(t, "ann")
	_, err := p.admin().List(as(t, login, ""), nil)
	wantCode(t, "before", err, codes.PermissionDenied)
	if _, err := p.bootstraps().Claim(as(t, login, ""), &managedcasv1.BootstrapServiceClaimRequest{Token: token}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.admin().List(as(t, login, ""), nil); err != nil {
		t.Errorf("after: %v", err)
	}
	_, other := p.user(t, "bob")
	_, err = p.bootstraps().Claim(as(t, other, ""), &managedcasv1.BootstrapServiceClaimRequest{Token: token})
	wantCode(t, "again", err, codes.PermissionDenied)
}

// One who got an administrator otherwise has no use for the token: whoever finds it in a
// terminal's scrollback has none either.
func TestBootstrapTokenIsOfNoUseOnceThereIsAnAdministrator(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	token := p.bootstrap(t)
	p.token(t, org.Organization{})
	_, err := p.bootstraps().Redeem(t.Context(), &managedcasv1.BootstrapServiceRedeemRequest{Token: token})
	wantCode(t, "with an instance token there", err, codes.FailedPrecondition)
}

func TestReplicasThatStartTogetherMakeOneBootstrapToken(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	var made atomic.Int32
	var together sync.WaitGroup
	for range 8 {
		together.Go(func() {
			token, err := p.server.Bootstrap(t.Context())
			if err != nil {
				t.Error(err)
			}
			if token != "" {
				made.Add(1)
			}
		})
	}
	together.Wait()
	if made.Load() != 1 {
		t.Errorf("8 starts made %d tokens", made.Load())
	}
}

func TestBootstrapTokensThatAreWrong(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	token := p.bootstrap(t)
	for _, wrong := range []string{"", "mcas-bootstrap-", token + "x", token[:len(token)-1], strings.ToUpper(token)} {
		_, err := p.bootstraps().Redeem(t.Context(), &managedcasv1.BootstrapServiceRedeemRequest{Token: wrong})
		wantCode(t, wrong, err, codes.PermissionDenied)
	}
	_, err := p.bootstraps().Redeem(t.Context(), &managedcasv1.BootstrapServiceRedeemRequest{Token: token, Name: "No name"})
	wantCode(t, "a name that is none", err, codes.InvalidArgument)
	if _, err := p.bootstraps().Redeem(t.Context(), &managedcasv1.BootstrapServiceRedeemRequest{Token: token, Name: "first"}); err != nil {
		t.Errorf("the right one, after those: %v", err)
	}
	if strings.Contains(p.log.String(), token) {
		t.Error("the log has the token")
	}
}
