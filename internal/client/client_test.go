package client_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	casv1 "github.com/managedcas/managedcas/proto/cas/v1"
	"github.com/managedcas/managedcas/test/rig"
)

// connect returns a client of the site; edit changes its configuration first.
func connect(t *testing.T, site rig.Site, edit ...func(*client.Config)) *client.Client {
	t.Helper()
	cfg := client.Config{ControlPlane: site.ControlPlane, ArtifactCAS: site.ArtifactCAS, Insecure: true, Token: site.Token, Version: "test"}
	for _, e := range edit {
		e(&cfg)
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What goes up comes down, with the progress that was promised.
func TestUploadDownloadDescribe(t *testing.T) {
	t.Parallel()
	c := connect(t, rig.New(t, rig.Options{}).Site(t, "acme"))
	for _, size := range []int{0, 1, 1 << 20, 3_500_000} {
		content, d := rig.Content(size)
		path := file(t, "ä b.bin", content)
		var up, down int64
		for _, again := range []bool{false, true} {
			up = 0
			got, err := c.Upload(t.Context(), path, "", func(moved, total int64) { up += moved })
			if want := (client.Artifact{Digest: d, Size: int64(size), FileName: "ä b.bin"}); err != nil || got.Artifact != want || got.Created == again {
				t.Fatalf("%d bytes: %+v, %v", size, got, err)
			}
		}
		var out bytes.Buffer
		got, err := c.Download(t.Context(), d, &out, func(moved, total int64) { down += moved })
		if err != nil || !bytes.Equal(out.Bytes(), content) || got.FileName != "ä b.bin" {
			t.Errorf("%d bytes: %+v, %v", size, got, err)
		}
		if up != int64(size) || down != int64(size) {
			t.Errorf("%d bytes: progress of %d up, %d down", size, up, down)
		}
		if got, err := c.Describe(t.Context(), d); err != nil || got.Size != int64(size) {
			t.Errorf("%d bytes: %+v, %v", size, got, err)
		}
	}
}

// A file that somebody writes to meanwhile is not uploaded, and the client says so: the
// server could only say that it got something wrong.
func TestUploadOfAFileThatChanges(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{})
	site := r.Site(t, "acme")
	c := connect(t, site)
	content, d := rig.Content(3 << 20)
	another := content[len(content)-1] ^ 1
	for what, change := range map[string]func(*os.File) error{
		"overwritten": func(f *os.File) error { _, err := f.WriteAt([]byte{another}, 3<<20-1); return err },
		"truncated":   func(f *os.File) error { return f.Truncate(2 << 20) },
		"appended to": func(f *os.File) error { _, err := f.WriteAt([]byte("x"), 3<<20); return err },
	} {
		path := file(t, "a", content)
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, err := c.Upload(t.Context(), path, "", func(int64, int64) {
			if err := change(f); err != nil {
				t.Error(err)
			}
		})
		if problem.KindOf(err) != problem.Conflict || got != (client.Uploaded{}) {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
		if exists, err := r.Store.Exists(t.Context(), cas.Ref{Org: site.Org, Digest: d}); exists || err != nil {
			t.Errorf("%s: exists %t, %v", what, exists, err)
		}
	}
}

// What cannot be read twice is refused at once, not waited for.
func TestUploadOfWhatIsNoFile(t *testing.T) {
	t.Parallel()
	c := connect(t, rig.New(t, rig.Options{}).Site(t, "acme"))
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, path := range map[string]string{"directory": dir, "pipe": pipe, "nothing": filepath.Join(dir, "nothing"), "this": ".", "control": filepath.Join(dir, "a\x1b[2J")} {
		_, err := c.Upload(t.Context(), path, "", nil)
		if problem.KindOf(err) != problem.Invalid || problem.From(err).Hint() == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// I5: a server that lies, or storage that does, is found out, and the last byte stays
// behind.
func TestI5_DownloadsAreVerifiedHere(t *testing.T) {
	t.Parallel()
	site := rig.New(t, rig.Options{}).Site(t, "acme")
	content, d := rig.Content(1000)
	flipped := bytes.Clone(content)
	flipped[999] ^= 1
	for what, lie := range map[string]struct {
		size int64
		sent []byte
		want problem.Kind
	}{
		"no lie":                {1000, content, 0},
		"another content":       {1000, flipped, problem.Corrupt},
		"shorter, as described": {999, content[:999], problem.Corrupt},
		"shorter":               {1000, content[:999], problem.Corrupt},
		"longer":                {1000, append(bytes.Clone(content), 0), problem.Corrupt},
		"nothing":               {0, nil, problem.Corrupt},
		"negative size":         {-1, flipped, problem.Corrupt},
	} {
		address := rig.Liar(t, &casv1.CASResource{FileName: "a", Digest: d.Hex(), Size: lie.size}, lie.sent)
		c := connect(t, site, func(cfg *client.Config) { cfg.ArtifactCAS = address })
		var out bytes.Buffer
		_, err := c.Download(t.Context(), d, &out, nil)
		if lie.want == 0 {
			if err != nil || !bytes.Equal(out.Bytes(), content) {
				t.Errorf("%s: %d bytes, %v", what, out.Len(), err)
			}
			continue
		}
		if problem.KindOf(err) != lie.want || len(lie.sent) > 0 && out.Len() >= len(lie.sent) {
			t.Errorf("%s: %d bytes, %v", what, out.Len(), err)
		}
	}
}

// A disk that is full here is no failure of a server.
func TestDownloadNamesALocalFailure(t *testing.T) {
	t.Parallel()
	c := connect(t, rig.New(t, rig.Options{}).Site(t, "acme"))
	content, d := rig.Content(1000)
	if _, err := c.Upload(t.Context(), file(t, "a", content), "", nil); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left on device")
	_, err := c.Download(t.Context(), d, writerFunc(func([]byte) (int, error) { return 0, full }), nil)
	if !errors.Is(err, full) || errors.As(err, new(*problem.Problem)) {
		t.Errorf("got %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Every failure has a kind, which is the exit code, and a next step.
func TestI12_Failures(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{MaxBytes: 1000})
	site := r.Site(t, "acme")
	missing := digest.Of([]byte("missing"))
	big, _ := rig.Content(1001)
	bigFile := file(t, "big", big)
	download := func(c *client.Client) error {
		_, err := c.Download(t.Context(), missing, &bytes.Buffer{}, nil)
		return err
	}
	for what, row := range map[string]struct {
		edit func(*client.Config)
		do   func(*client.Client) error
		want problem.Kind
	}{
		"missing": {func(*client.Config) {}, download, problem.NotFound},
		"too large": {func(*client.Config) {}, func(c *client.Client) error {
			_, err := c.Upload(t.Context(), bigFile, "", nil)
			return err
		}, problem.TooLarge},
		"wrong token":                 {func(cfg *client.Config) { cfg.Token = "x" }, download, problem.Unauthenticated},
		"nobody there":                {func(cfg *client.Config) { cfg.ControlPlane = "127.0.0.1:1" }, download, problem.Unavailable},
		"no CAS there":                {func(cfg *client.Config) { cfg.ArtifactCAS = "127.0.0.1:1" }, download, problem.Unavailable},
		"no CAS given":                {func(cfg *client.Config) { cfg.ArtifactCAS = "" }, download, problem.Invalid},
		"TLS with a plaintext server": {func(cfg *client.Config) { cfg.Insecure = false }, download, problem.Unavailable},
		"no CAS but a control plane":  {func(cfg *client.Config) { cfg.ArtifactCAS = cfg.ControlPlane }, download, problem.Unimplemented},
		"another organization":        {func(cfg *client.Config) { cfg.Org = "globex" }, download, problem.Denied},
	} {
		err := row.do(connect(t, site, row.edit))
		p := problem.From(err)
		if p.Kind() != row.want || p.Hint() == "" || strings.Contains(p.Public(), "arn:") {
			t.Errorf("%s: %v %q, want %v", what, p.Kind(), p.Public(), row.want)
		}
	}
	for what, cfg := range map[string]client.Config{"no address": {Token: "x"}, "no port": {ControlPlane: "127.0.0.1", Token: "x"}, "no token": {ControlPlane: "127.0.0.1:1"}, "no certificate": {ControlPlane: "127.0.0.1:1", Token: "x", ControlPlaneCA: "nonsense"}} {
		if _, err := client.New(cfg); err == nil || problem.From(err).Hint() == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// The organization of an administrator's token is the one that the call names.
func TestOrganizations(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{})
	site := r.Site(t, "acme")
	c := connect(t, site)
	state, err := c.OrganizationState(t.Context(), "")
	if err != nil || state.Name != "acme" || state.State != "ready" || len(state.Conditions) == 0 {
		t.Errorf("%+v, %v", state, err)
	}
	backends, err := c.Backends(t.Context())
	if err != nil || len(backends) != 1 || !backends[0].Managed || !backends[0].Default || backends[0].Status != "valid" {
		t.Errorf("%+v, %v", backends, err)
	}
	admin := connect(t, site, func(cfg *client.Config) { cfg.Token = site.AdminToken })
	if o, err := admin.CreateOrganization(t.Context(), "globex"); err != nil || o.Name != "globex" {
		t.Errorf("%+v, %v", o, err)
	}
	if all, err := admin.Organizations(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("%+v, %v", all, err)
	}
	if err := admin.DeleteOrganization(t.Context(), "globex"); err != nil {
		t.Error(err)
	}
}
