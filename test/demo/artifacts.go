package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// artifact is a file that was uploaded for acme.
type artifact struct {
	Digest   string `json:"digest"`
	Size     int64  `json:"size"`
	FileName string `json:"fileName"`

	path string
}

// upload makes an SBOM of the server and stores it, and the server itself.
func (d *demo) upload(ctx context.Context) error {
	server := filepath.Join(d.bin, "managedcasd")
	sbom := filepath.Join(d.dir, "managedcasd.cdx.json")
	if err := d.out.during("making an SBOM of "+server, func() error { return d.makeSBOM(ctx, server, sbom) }); err != nil {
		return err
	}
	for _, path := range []string{sbom, server} {
		digest, err := digestOf(path)
		if err != nil {
			return err
		}
		begin := time.Now()
		a := artifact{path: path}
		args := []string{"--org", "acme", "artifact", "upload", "-f", path}
		if err := d.out.during("uploading "+filepath.Base(path), func() error { return d.managedcasJSON(ctx, &a, args...) }); err != nil {
			return err
		}
		if a.Digest != digest {
			return unexpected("digest of "+path, digest, a.Digest)
		}
		d.artifacts = append(d.artifacts, a)
		d.out.command([]string{"managedcas", "--org", "acme", "artifact", "upload", "-f", filepath.Base(path)}, "")
		d.out.ok(fmt.Sprintf("%s, %s, in %s", short(a.Digest), size(a.Size), seconds(time.Since(begin))))
	}
	// The same file for another organization: the same digest, another object.
	var same artifact
	if err := d.managedcasJSON(ctx, &same, "--org", "globex", "artifact", "upload", "-f", sbom); err != nil {
		return err
	}
	if same.Digest != d.artifacts[0].Digest {
		return unexpected("digest of globex's SBOM", d.artifacts[0].Digest, same.Digest)
	}
	d.out.command([]string{"managedcas", "--org", "globex", "artifact", "upload", "-f", filepath.Base(sbom)}, "")
	d.out.ok("the same digest, and an object of globex's own")
	return nil
}

// makeSBOM writes a CycloneDX SBOM of a Go program, from what the program says of
// itself.
func (d *demo) makeSBOM(ctx context.Context, program, file string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(d.tools, "cyclonedx-gomod"), "bin", "-json", "-output", file, program)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("making an SBOM: %w\n%s", err, out)
	}
	return nil
}

// key is where an artifact of o is in the bucket.
func (o organization) key(a artifact) string { return o.ID + "/" + a.Digest }

// canary is where the object is that probes of o read.
func (o organization) canary() string {
	id, err := org.ParseID(o.ID)
	if err != nil {
		return err.Error() // no key: what is in the bucket will differ
	}
	t := tenancy.Installation{}.Tenant(id)
	return t.ObjectKey(digest.Of(t.Canary()))
}

// showObjects looks at the artifacts as the operator's guide does: first at the names
// in the bucket, then at each object through the access point, as acme's session.
func (d *demo) showObjects(ctx context.Context) error {
	bucket := aws.String(d.dev.ready.Installation.BucketName)
	names, err := d.root().s3().ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket})
	if err != nil {
		return fmt.Errorf("listing the bucket: %w", err)
	}
	if err := d.holds(names.Contents, d.acme.canary(), d.globex.canary(), d.acme.key(d.artifacts[0]), d.acme.key(d.artifacts[1]), d.globex.key(d.artifacts[0])); err != nil {
		return err
	}
	session, err := d.session(ctx, d.acme)
	if err != nil {
		return err
	}
	for _, a := range d.artifacts {
		d.out.gap()
		head, err := session.s3().HeadObject(ctx, &s3.HeadObjectInput{
			Bucket: aws.String(d.acme.apARN), Key: aws.String(d.acme.key(a)), ChecksumMode: types.ChecksumModeEnabled,
		})
		if err != nil {
			return fmt.Errorf("HeadObject of %s: %w", a.FileName, err)
		}
		if got := aws.ToString(head.SSEKMSKeyId); got != d.dev.ready.Installation.KMSKeyARN {
			return unexpected("key of "+a.FileName, d.dev.ready.Installation.KMSKeyARN, got)
		}
		if got := aws.ToInt64(head.ContentLength); got != a.Size {
			return unexpected("length of "+a.FileName, fmt.Sprint(a.Size), fmt.Sprint(got))
		}
		d.out.field("object", "{acme}/"+a.Digest)
		d.out.field("length", fmt.Sprintf("%d bytes: %s", a.Size, a.FileName))
		d.out.field("encrypted", string(head.ServerSideEncryption)+" under "+aws.ToString(head.SSEKMSKeyId))
		if err := d.checksum(a, aws.ToString(head.ChecksumSHA256)); err != nil {
			return err
		}
	}
	d.out.gap()
	d.out.ok("the bucket holds these objects, probes' canaries among them, and no other; acme's are encrypted under the key")
	d.nameIdentifiers() // the digests too, now that they were seen in full
	return nil
}

// checksum compares what S3 computed with the digest. It has a sha256 of objects that
// were stored with one request, not of those that came in parts.
func (d *demo) checksum(a artifact, sum string) error {
	if sum == "" {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(sum)
	if got := "sha256:" + hex.EncodeToString(raw); err != nil || got != a.Digest {
		return unexpected("S3's checksum of "+a.FileName, a.Digest, sum)
	}
	d.out.field("checksum", "S3 computed the same sha256")
	return nil
}

// holds compares the names in the bucket with those that should be there.
func (d *demo) holds(objects []types.Object, want ...string) error {
	var got []string
	for _, o := range objects {
		got = append(got, aws.ToString(o.Key))
		d.out.field("in bucket", aws.ToString(o.Key))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return unexpected("objects in the bucket", strings.Join(want, ", "), strings.Join(got, ", "))
	}
	return nil
}

// download fetches every artifact and compares the bytes.
func (d *demo) download(ctx context.Context) error {
	for i, a := range d.artifacts {
		target := filepath.Join(d.dir, fmt.Sprintf("downloaded-%d", i))
		begin := time.Now()
		err := d.out.during("downloading "+a.FileName, func() error {
			_, err := d.managedcas(ctx, "--org", "acme", "artifact", "download", "-d", a.Digest, "--output", target)
			return err
		})
		if err != nil {
			return err
		}
		took := time.Since(begin)
		got, err := digestOf(target)
		if err != nil {
			return err
		}
		if got != a.Digest {
			return unexpected("downloaded "+a.FileName, a.Digest, got)
		}
		d.out.ok(fmt.Sprintf("%-22s %10s, the same bytes, in %s", a.FileName, size(a.Size), seconds(took)))
	}
	_, err := d.managedcas(ctx, "--org", "globex", "artifact", "describe", "-d", d.artifacts[1].Digest)
	const notFound = 6 // docs/cli.md
	if exitCode(err) != notFound {
		return unexpected("globex asking for acme's digest", "exit code 6, not found", fmt.Sprint(err))
	}
	d.out.ok("globex, asking for the digest of acme's server: " + strings.TrimPrefix(err.(commandError).stderr, "error: "))
	return nil
}

func digestOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}
