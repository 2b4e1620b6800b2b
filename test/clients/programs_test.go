package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program is a client that copies trees, set up for one account and one way to name the
// bucket.
type program interface {
	// up makes the prefix hold what the directory holds.
	up(t *testing.T, dir string)
	// down makes the directory hold what the prefix holds.
	down(t *testing.T, dir string)
	// remove deletes every object under the prefix.
	remove(t *testing.T)
}

// signer is a program that makes presigned URLs.
type signer interface {
	// presign returns a URL with which anybody can get what is called name under the
	// prefix.
	presign(t *testing.T, name string) string
}

// shell runs a program with a bare environment: nothing of the machine's settings for
// AWS or for proxies reaches it.
type shell struct {
	path string
	args []string // before those of a call
	env  []string
}

func (w *world) shell(t *testing.T, path string, args ...string) shell {
	t.Helper()
	found, err := exec.LookPath(path)
	if err != nil {
		t.Fatalf("%s is not installed; make packages", path)
	}
	env := []string{
		"HOME=" + t.TempDir(), "LC_ALL=C.UTF-8",
		"AWS_ACCESS_KEY_ID=" + w.session.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + w.session.SecretAccessKey, "AWS_SESSION_TOKEN=" + w.session.SessionToken,
		"AWS_REGION=" + w.Region, "AWS_DEFAULT_REGION=" + w.Region,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=",
	}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		upper := strings.ToUpper(name)
		switch {
		case name == "HOME", name == "LC_ALL", strings.HasPrefix(upper, "AWS_"), strings.HasPrefix(upper, "RCLONE_"), strings.HasSuffix(upper, "_PROXY"):
		default:
			env = append(env, variable)
		}
	}
	return shell{path: found, args: args, env: env}
}

// proxied makes the endpoint the program's proxy, so that names in front of it resolve.
func (s shell) proxied(w *world) shell {
	s.env = append(s.env[:len(s.env):len(s.env)], "HTTP_PROXY="+w.URL, "http_proxy="+w.URL)
	return s
}

func (s shell) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.try(t, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(s.path), strings.Join(args, " "), err, out)
	}
	return out
}

func (s shell) try(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), s.path, append(s.args[:len(s.args):len(s.args)], args...)...)
	cmd.Env = s.env
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// cli is the aws CLI.
type cli struct {
	shell
	where string
}

func (w *world) cli(t *testing.T, path, addressing string) program {
	t.Helper()
	// Its first generation signs URLs with Signature Version 2 unless told otherwise.
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("[default]\ns3 =\n  signature_version = s3v4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := w.shell(t, path, "--endpoint-url", w.URL)
	s.env = append(s.env, "AWS_CONFIG_FILE="+config)
	if addressing == "ARN" {
		s = s.proxied(w)
	}
	return cli{s, "s3://" + w.where(t, addressing) + "/" + prefix + "/"}
}

func (c cli) up(t *testing.T, dir string)   { c.run(t, "s3", "sync", "--no-progress", dir, c.where) }
func (c cli) down(t *testing.T, dir string) { c.run(t, "s3", "sync", "--no-progress", c.where, dir) }
func (c cli) remove(t *testing.T)           { c.run(t, "s3", "rm", "--recursive", c.where) }
func (c cli) presign(t *testing.T, name string) string {
	return c.run(t, "s3", "presign", c.where+name)
}

// rclone is configured by its environment alone.
type rclone struct {
	shell
	where string
}

func (w *world) rclone(t *testing.T, path, addressing string) program {
	s := w.shell(t, path)
	set := func(name, value string) { s.env = append(s.env, "RCLONE_CONFIG_S3_"+name+"="+value) }
	s.env = append(s.env, "RCLONE_CONFIG="+os.DevNull, "RCLONE_RETRIES=1")
	set("TYPE", "s3")
	set("ENV_AUTH", "true")
	set("ENDPOINT", w.URL)
	set("REGION", w.Region)
	set("UPLOAD_CUTOFF", "5Mi")
	set("NO_CHECK_BUCKET", "true")
	// It says "private" otherwise, which a bucket without ACLs refuses.
	set("ACL", "bucket-owner-full-control")
	where := w.where(t, addressing)
	if addressing == "ARN" {
		// It ends the bucket's name at a slash. Virtual-host style is what "AWS" means.
		where = strings.Replace(where, "accesspoint/", "accesspoint:", 1)
		set("PROVIDER", "AWS")
		s = s.proxied(w)
	} else {
		set("PROVIDER", "Other")
	}
	return rclone{s, "s3:" + where + "/" + prefix}
}

func (r rclone) up(t *testing.T, dir string)   { r.run(t, "sync", dir, r.where) }
func (r rclone) down(t *testing.T, dir string) { r.run(t, "sync", r.where, dir) }
func (r rclone) remove(t *testing.T)           { r.run(t, "delete", r.where) }
func (r rclone) presign(t *testing.T, name string) string {
	return r.run(t, "link", "--expire", soon.String(), r.where+"/"+name)
}

// s3cmd is configured by a file.
type s3cmd struct {
	shell
	where string
}

func (w *world) s3cmd(t *testing.T, path, addressing string) program {
	t.Helper()
	file := filepath.Join(t.TempDir(), "s3cfg")
	// Without %(bucket)s in host_bucket, requests are in path style.
	text := fmt.Sprintf("[default]\nhost_base = %[1]s\nhost_bucket = %[1]s\nuse_https = False\nbucket_location = %s\naccess_key = %s\nsecret_key = %s\naccess_token = %s\n",
		w.host(t), w.Region, w.session.AccessKeyID, w.session.SecretAccessKey, w.session.SessionToken)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s3cmd{w.shell(t, path, "--config", file, "--no-progress"), "s3://" + w.where(t, addressing) + "/" + prefix + "/"}
}

func (c s3cmd) up(t *testing.T, dir string)   { c.run(t, "sync", dir+"/", c.where) }
func (c s3cmd) down(t *testing.T, dir string) { c.run(t, "sync", c.where, dir+"/") }
func (c s3cmd) remove(t *testing.T)           { c.run(t, "del", "--recursive", "--force", c.where) }
