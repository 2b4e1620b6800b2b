package main

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
)

// A token is shown once, acts in its organization only, and not any more when it is revoked.
func TestTokensOfAnOrganization(t *testing.T) {
	t.Parallel()
	own := newShell(t)
	// It would outlive the one it comes from. Those who may are named.
	if said := own.fails(t, problem.Denied, "token", "create", "--name", "ci"); !strings.Contains(said, "with the role admin") {
		t.Errorf("%s", said)
	}
	s := own
	s.Token = own.AdminToken
	code, stdout, stderr := s.run(t, "--org", "acme", "token", "create", "--name", "ci", "--expires", "720h")
	text := strings.TrimSpace(stdout)
	if code != 0 || stderr != "" || strings.Count(text, ".") != 2 || strings.ContainsAny(text, " \n") {
		t.Fatalf("%d, %q, %q", code, stdout, stderr)
	}
	if said := s.fails(t, problem.Exists, "--org", "acme", "token", "create", "--name", "ci"); !strings.Contains(said, "revoke that one") {
		t.Errorf("%s", said)
	}
	s.fails(t, problem.Invalid, "token", "create", "--name", "C I")
	s.fails(t, problem.Invalid, "token", "create")
	s.fails(t, problem.Invalid, "token", "create", "--name", "short", "--expires", "999ms")

	ci := s
	ci.Token = text
	if code, stdout, stderr := ci.run(t, "artifact", "list"); code != 0 {
		t.Errorf("with the new token: %d, %s%s", code, stdout, stderr)
	}
	ci.fails(t, problem.Denied, "--org", "another", "artifact", "list")

	code, stdout, _ = s.run(t, "--org", "acme", "token", "list", "-o", "json")
	var listed []struct{ ID, Name, ExpiresAt, LastUsedAt string }
	if err := json.Unmarshal([]byte(stdout), &listed); err != nil || code != 0 || strings.Contains(stdout, text) {
		t.Fatalf("%d, %s, %v", code, stdout, err)
	}
	id := ""
	for _, l := range listed {
		if l.Name == "ci" && l.ExpiresAt != "" && l.LastUsedAt != "" {
			id = l.ID
		}
	}
	if code, stdout, _ := s.run(t, "--org", "acme", "token", "list"); code != 0 || !strings.Contains(stdout, id) || id == "" || !strings.Contains(stdout, "never") {
		t.Errorf("%d, %s, want %q", code, stdout, id)
	}
	s.fails(t, problem.Invalid, "token", "revoke")
	s.fails(t, problem.Invalid, "token", "revoke", "ci")
	s.fails(t, problem.NotFound, "--org", "acme", "token", "revoke", "8f0c5a3e-6f0e-4d6e-9d53-1f3a0c0f7c11")
	if code, stdout, stderr := s.run(t, "--org", "acme", "token", "revoke", id); code != 0 || stdout+stderr != "" {
		t.Errorf("%d, %q, %q", code, stdout, stderr)
	}
	ci.fails(t, problem.Unauthenticated, "artifact", "list")
}

// A CAS token is the uploader's or the downloader's, and is printed alone.
func TestCASTokens(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	d := digest.Of([]byte("x")).String()
	uploader, downloader := "", ""
	for role, text := range map[string]*string{"uploader": &uploader, "downloader": &downloader} {
		code, stdout, stderr := s.run(t, "token", "cas", "--role", role, "-d", d)
		if *text = strings.TrimSuffix(stdout, "\n"); code != 0 || stderr != "" {
			t.Fatalf("%s: %d, %q, %q", role, code, stdout, stderr)
		}
		claims, err := base64.RawURLEncoding.DecodeString(strings.Split(*text, ".")[1])
		if err != nil || !strings.Contains(string(claims), `"role":"`+role+`"`) || !strings.Contains(string(claims), d) {
			t.Errorf("%s: %s, %v", role, claims, err)
		}
	}
	for _, args := range [][]string{{"--role", "uploader"}, {"-d", d}, {"--role", "owner", "-d", d}, {"--role", "uploader", "-d", "x"}} {
		s.fails(t, problem.Invalid, append([]string{"token", "cas"}, args...)...)
	}
}
