package intrusion

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/test/rig"
)

// door is a way in, and what it says to a token that is not for it.
type door struct {
	name    string
	try     func(t *testing.T, token string) string
	refused string
}

func (s *scene) doors(t *testing.T) []door {
	t.Helper()
	const invalid = "Unauthenticated UNAUTHENTICATED Token is invalid"
	over := func(path string) func(t *testing.T, token string) string {
		return func(t *testing.T, token string) string {
			t.Helper()
			header := http.Header{}
			if !strings.Contains(path, "?t=") {
				header.Set("Authorization", "Bearer "+token)
				token = ""
			}
			return s.fetch(t, http.MethodGet, path+token, header, "").outcome
		}
	}
	return []door{
		{"control plane", func(t *testing.T, token string) string {
			t.Helper()
			const m = "managedcas.v1.ArtifactService/List"
			return send(t, s.conn, caller{"", token, ""}, m, request(t, m, "", "")).outcome
		}, invalid},
		{"CAS over gRPC", func(t *testing.T, token string) string {
			t.Helper()
			const m = "cas.v1.ResourceService/Describe"
			return send(t, s.cas, caller{"", token, ""}, m, request(t, m, "digest", s.digest.Hex())).outcome
		}, invalid},
		{"CAS over HTTP", over("/v1/artifacts/" + s.digest.String()), "401 UNAUTHENTICATED Token is invalid"},
		{"CAS by link", over("/download/" + s.digest.String() + "?t="), "401 UNAUTHENTICATED Token is invalid"},
	}
}

// signingKey is the private key of an installation for a use, as who broke into the database
// has it.
func (s *scene) signingKey(t *testing.T, use registry.KeyUse) (*ecdsa.PrivateKey, string) {
	t.Helper()
	keys, err := s.db.SigningKeys(t.Context(), use)
	must(t, err)
	key, err := x509.ParsePKCS8PrivateKey(keys[0].PKCS8)
	must(t, err)
	return key.(*ecdsa.PrivateKey), keys[0].ID
}

func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	must(t, err)
	var claims map[string]any
	must(t, json.Unmarshal(raw, &claims))
	return claims
}

func with(claims map[string]any, changes ...any) map[string]any {
	claims = maps.Clone(claims)
	for i := 0; i < len(changes); i += 2 {
		claims[changes[i].(string)] = changes[i+1]
	}
	return claims
}

func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any, claims map[string]any) string {
	t.Helper()
	options := &jose.SignerOptions{}
	for k, v := range header {
		options = options.WithHeader(k, v)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	must(t, err)
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	must(t, err)
	return text
}

// raw puts a token together whose header no library writes.
func raw(t *testing.T, header, claims map[string]any, signature string) string {
	t.Helper()
	var parts []string
	for _, part := range []map[string]any{header, claims} {
		text, err := json.Marshal(part)
		must(t, err)
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	return strings.Join(append(parts, signature), ".")
}

// TestTokensOfOtherKinds shows good tokens at the doors that they are not for, and bad ones
// at all of them.
func TestTokensOfOtherKinds(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	grant := cas.Grant{Org: s.globex.org.ID, Role: cas.Downloader, Digest: s.digest}
	good := s.rig.Token(t, grant)
	doors := s.doors(t)
	plane, planes := doors[0], doors[1:]
	if got := plane.try(t, s.globex.token); got != ok {
		t.Fatalf("the good token: %s", got)
	}
	for _, d := range planes {
		if got := d.try(t, good); got != ok && got != "200" {
			t.Fatalf("%s: the good token: %s", d.name, got)
		}
	}

	refuse := func(name, token string, at ...door) {
		t.Helper()
		for _, d := range at {
			if got := d.try(t, token); got != d.refused {
				t.Errorf("%s at %s:\n got %q\nwant %q", name, d.name, got, d.refused)
			}
		}
	}
	refuse("a CAS token", good, plane)
	refuse("an API token", s.globex.token, planes...)
	refuse("a login", s.globex.logins[registry.Owner], planes...)
	refuse("a revoked token", s.globex.revoked, doors...)
	for name, token := range s.forgeries(t, good) {
		refuse(name, token, doors...)
	}
}

// forgeries are of a token of globex and of a CAS token for its artifact.
func (s *scene) forgeries(t *testing.T, good string) map[string]string {
	t.Helper()
	apiKey, apiID := s.signingKey(t, registry.KeyUseAPI)
	casKey, casID := s.signingKey(t, registry.KeyUseCAS)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	spki, err := x509.MarshalPKIXPublicKey(&casKey.PublicKey)
	must(t, err)
	now := time.Now()
	forged := map[string]string{"nothing that is a token": "swordfish", "two dots": "..", "no signature": good[:strings.LastIndexByte(good, '.')+1]}
	for kind, row := range map[string]struct {
		token string
		key   *ecdsa.PrivateKey
		id    string
		other *ecdsa.PrivateKey
		oid   string
	}{
		"API token": {s.globex.token, apiKey, apiID, casKey, casID},
		"login":     {s.globex.logins[registry.Owner], apiKey, apiID, casKey, casID},
		"CAS token": {good, casKey, casID, apiKey, apiID},
	} {
		claims, parts := claimsOf(t, row.token), strings.Split(row.token, ".")
		if kind == "CAS token" { // as long as one may be good: none of them is refused for its age
			claims["exp"] = now.Add(auth.MaxCASLifetime).Unix()
		}
		add := func(name, token string) { forged[name+", of a(n) "+kind] = token }
		kid := map[jose.HeaderKey]any{"kid": row.id}
		add("alg none", raw(t, map[string]any{"alg": "none", "kid": row.id}, claims, ""))
		add("alg None", raw(t, map[string]any{"alg": "None", "kid": row.id}, claims, parts[2]))
		add("HS256 with the public key", sign(t, jose.HS256, spki, kid, claims))
		add("a key of the other use", sign(t, jose.ES256, row.other, map[jose.HeaderKey]any{"kid": row.oid}, claims))
		add("a key of the other use under this one's id", sign(t, jose.ES256, row.other, kid, claims))
		add("a stranger's key under this one's id", sign(t, jose.ES256, stranger, kid, claims))
		add("a key that the token brings along", sign(t, jose.ES256, stranger, map[jose.HeaderKey]any{"kid": row.id, "jwk": jose.JSONWebKey{Key: &stranger.PublicKey}}, claims))
		add("a key elsewhere", sign(t, jose.ES256, stranger, map[jose.HeaderKey]any{"kid": row.id, "jku": s.http.URL + "/jwks.json"}, claims))
		for _, injected := range []string{"", "../" + row.id, row.id + "\x00", "' OR '1'='1", "' UNION SELECT pkcs8 FROM signing_keys --", "/dev/null", strings.ToUpper(row.id), "%", row.id + "," + row.oid} {
			add("kid "+injected, sign(t, jose.ES256, stranger, map[jose.HeaderKey]any{"kid": injected}, claims))
		}
		add("an id that is no text", raw(t, map[string]any{"alg": "ES256", "kid": []string{row.id}}, claims, parts[2]))
		add("claims of another", parts[0]+"."+strings.Split(s.acme.token, ".")[1]+"."+parts[2])
		add("the signature twice", row.token+"."+parts[2])
		add("critical extensions", sign(t, jose.ES256, row.key, map[jose.HeaderKey]any{"kid": row.id, "crit": []string{"exp"}}, claims))

		// Signed with the right key: only the claims are wrong.
		mine := func(name string, changes ...any) {
			add(name, sign(t, jose.ES256, row.key, kid, with(claims, changes...)))
		}
		audience := fmt.Sprint(claims["aud"])
		for _, other := range []string{"api-token-auth.chainloop", "user-auth.chainloop", "artifact-cas.chainloop", "nobody"} {
			if other == audience {
				continue
			}
			mine("audience "+other, "aud", other)
			mine("two audiences, the second "+other, "aud", []any{audience, other})
			mine("two audiences, the first "+other, "aud", []any{other, audience})
		}
		mine("its audience twice", "aud", []any{audience, audience})
		mine("no audience", "aud", nil)
		mine("another issuer", "iss", "https://id.example")
		mine("no issuer", "iss", nil)
		mine("made in the future", "iat", now.Add(time.Hour).Unix())
		mine("not good before", "nbf", now.Add(time.Hour).Unix())
		mine("no id", "jti", nil)
		if kind != "CAS token" {
			mine("the other organization's id", "org_id", s.acme.org.ID.String())
			mine("an id that nobody has", "jti", uuid.NewString())
			mine("more time", "exp", now.Add(90*24*time.Hour).Unix())
			mine("the scope of an instance", "scope", "INSTANCE_ADMIN")
		} else {
			mine("an hour", "exp", now.Add(time.Hour).Unix())
			mine("no end", "exp", nil)
			mine("a downloader of anything", "digest", nil)
			mine("a role that is none", "role", "owner")
			mine("the organization in capitals", "org-id", strings.ToUpper(s.globex.org.ID.String()))
			mine("no organization", "org-id", nil)
			mine("a backend that is no id", "backend", "../"+s.globex.values[backends][0])
		}
	}
	return forged
}

const notItsBackend = "PermissionDenied PERMISSION_DENIED the organization has no such storage backend: it may have been deleted, with what is in it out of reach; ask the control plane for another token"

// TestConfusedDeputy has the CAS and the control plane act for acme with what is globex's.
func TestConfusedDeputy(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	const get, describe, read = "controlplane.v1.CASCredentialsService/Get", "cas.v1.ResourceService/Describe", "google.bytestream.ByteStream/Read"
	// The control plane knows no digests: it gives acme a token for what only globex has.
	got := send(t, s.conn, caller{"", s.acme.token, ""}, get, request(t, get, "digest", s.digest.String()))
	given := jwts.FindString(got.shown)
	if got.outcome != ok || given == "" {
		t.Fatalf("%s %s", got.outcome, got.shown)
	}
	key, id := s.signingKey(t, registry.KeyUseCAS)
	kid := map[jose.HeaderKey]any{"kid": id}
	claims := claimsOf(t, given)
	uploader := s.rig.Token(t, cas.Grant{Org: s.acme.org.ID, Role: cas.Uploader, MaxBytes: 1 << 20})
	own := s.rig.Token(t, cas.Grant{Org: s.acme.org.ID, Role: cas.Downloader, Digest: s.ownDigest})
	bucket := s.rig.OwnBackend(t, s.globex.org.ID, s.rig.CustomerBucket(t, s.globex.org.ID)).ID.String()
	s.globex.add(backends, bucket) // which no answer may tell
	for name, row := range map[string]struct{ token, grpc, http string }{
		"a token for it": {given, noArtifact, "404 NOT_FOUND"},
		"a token for it that names their storage backend":    {sign(t, jose.ES256, key, kid, with(claims, "backend", s.globex.values[backends][0])), notItsBackend, "403 PERMISSION_DENIED the organization has no such storage backend"},
		"a token for it that names their own bucket":         {sign(t, jose.ES256, key, kid, with(claims, "backend", bucket)), notItsBackend, "403 PERMISSION_DENIED the organization has no such storage backend"},
		"a token for it that names nobody's storage backend": {sign(t, jose.ES256, key, kid, with(claims, "backend", uuid.NewString())), notItsBackend, "403 PERMISSION_DENIED the organization has no such storage backend"},
		"a token with claims that nothing here reads":        {sign(t, jose.ES256, key, kid, with(claims, "org_id", s.globex.org.ID.String(), "sub", s.globex.token[:40])), noArtifact, "404 NOT_FOUND"},
		"an uploader's":                      {uploader, notInGrant, "403 PERMISSION_DENIED"},
		"a downloader's of another artifact": {own, notInGrant, "403 PERMISSION_DENIED"},
	} {
		as := caller{"", row.token, ""}
		reads := send(t, s.cas, as, read, request(t, read, "resource_name", s.digest.Hex()))
		if reads.outcome != row.grpc {
			t.Errorf("%s, read: %s, want %s", name, reads.outcome, row.grpc)
		}
		for _, path := range []string{"/v1/artifacts/" + s.digest.String(), "/download/" + s.digest.String()} {
			over := s.fetch(t, http.MethodGet, path, http.Header{"Authorization": {"Bearer " + row.token}}, "")
			if !strings.HasPrefix(over.outcome, row.http) {
				t.Errorf("%s, %s: %s, want %s", name, path, over.outcome, row.http)
			}
			s.notTheirs(t, name, over)
		}
		s.notTheirs(t, name, reads)
		s.notTheirs(t, name, send(t, s.cas, as, describe, request(t, describe, "digest", s.digest.Hex())))
	}
	// Having uploaded the same bytes gives no more than one's own.
	before := s.snapshot(t, s.globex)
	put := s.fetch(t, http.MethodPut, "/v1/artifacts/"+s.digest.String(), http.Header{"Authorization": {"Bearer " + uploader}}, string(s.content))
	if put.outcome != "201" {
		t.Errorf("an upload of what globex has already: %s, want 201 as for what nobody has", put.outcome)
	}
	if s.snapshot(t, s.globex) != before {
		t.Error("globex has changed")
	}
}

// notTheirs fails if an answer has globex's artifact or its secrets in it.
func (s *scene) notTheirs(t *testing.T, what string, a answer) {
	t.Helper()
	if strings.Contains(strings.Join(a.all, "\n"), string(s.content[:16])) {
		t.Errorf("%s: globex's artifact", what)
	}
	s.globex.keepsQuiet(t, what, a, s.digest.String())
}

// TestTheirUploads are out of reach by their names, on each server.
func TestTheirUploads(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	content, d := rig.Content(64)
	bearer := func(e *estate) http.Header {
		return http.Header{
			"Authorization":                {"Bearer " + s.rig.Token(t, cas.Grant{Org: e.org.ID, Role: cas.Uploader, MaxBytes: 1 << 20})},
			"Upload-Draft-Interop-Version": {"8"}, "Upload-Complete": {"?0"},
		}
	}
	begun := s.fetch(t, http.MethodPost, "/v1/artifacts/"+d.String()+"/uploads", bearer(s.globex), "")
	if begun.location == "" {
		t.Fatalf("%s %v", begun.outcome, begun.all)
	}
	nobodys := begun.location[:strings.LastIndexByte(begun.location, '/')+1] + uuid.NewString()
	for _, method := range []string{http.MethodHead, http.MethodPatch, http.MethodDelete} {
		header := bearer(s.acme)
		header.Set("Content-Type", "application/partial-upload")
		header.Set("Upload-Offset", "0")
		theirs := s.fetch(t, method, begun.location, header, string(content))
		none := s.fetch(t, method, nobodys, header, string(content))
		if theirs.outcome != none.outcome || !strings.HasPrefix(theirs.outcome, "404") {
			t.Errorf("%s: %q of theirs, %q of nobody's: want 404 of both", method, theirs.outcome, none.outcome)
		}
		s.notTheirs(t, method, theirs)
	}
	if still := s.fetch(t, http.MethodHead, begun.location, bearer(s.globex), ""); !slices.Contains([]string{"200", "204"}, still.outcome) {
		t.Errorf("their upload is gone: %s", still.outcome)
	}
}
