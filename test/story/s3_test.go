package story

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// objectsClient addresses bucket, which may be an access point's ARN or alias, too.
func objectsClient(ts *testscript.TestScript, who aws.CredentialsProvider, bucket string) *s3.Client {
	return s3.NewFromConfig(awsConfig(ts, who), func(o *s3.Options) {
		o.UsePathStyle = !strings.HasPrefix(bucket, "arn:") // the SDK refuses both together
	})
}

func current(ts *testscript.TestScript) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(ts.Getenv("AWS_ACCESS_KEY_ID"), ts.Getenv("AWS_SECRET_ACCESS_KEY"), ts.Getenv("AWS_SESSION_TOKEN"))
}

// cmdS3 does what the aws CLI would, as the session that the environment holds, without
// the second that the CLI takes to start:
//
//	s3 put BUCKET KEY FILE    on condition that the key is free
//	s3 get BUCKET KEY
//	s3 list BUCKET PREFIX
//
// BUCKET may be a bucket, an access point ARN or an alias. "! s3" demands a refusal, and
// prints "Code: message" on stderr.
func cmdS3(ts *testscript.TestScript, neg bool, args []string) {
	var out []byte
	var err error
	switch {
	case len(args) == 4 && args[0] == "put":
		err = putObject(ts, args[1], args[2], []byte(ts.ReadFile(args[3])))
	case len(args) == 3 && args[0] == "get":
		out, err = getObject(ts, args[1], args[2])
	case len(args) == 3 && args[0] == "list":
		out, err = listObjects(ts, args[1], args[2])
	default:
		ts.Fatalf("usage: s3 put BUCKET KEY FILE | s3 get BUCKET KEY | s3 list BUCKET PREFIX")
	}
	_, _ = ts.Stdout().Write(out)
	if refusal, ok := errors.AsType[smithy.APIError](err); ok {
		fmt.Fprintf(ts.Stderr(), "%s: %s\n", refusal.ErrorCode(), refusal.ErrorMessage())
	} else {
		ts.Check(err)
	}
	if (err != nil) != neg {
		ts.Fatalf("s3 %v: %v", args, err)
	}
}

func putObject(ts *testscript.TestScript, bucket, key string, content []byte) error {
	_, err := objectsClient(ts, current(ts), bucket).PutObject(context.Background(), &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, Body: bytes.NewReader(content), IfNoneMatch: aws.String("*"),
	})
	return err
}

func getObject(ts *testscript.TestScript, bucket, key string) ([]byte, error) {
	object, err := objectsClient(ts, current(ts), bucket).GetObject(context.Background(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	defer object.Body.Close()
	return io.ReadAll(object.Body)
}

func listObjects(ts *testscript.TestScript, bucket, prefix string) ([]byte, error) {
	page, err := objectsClient(ts, current(ts), bucket).ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, o := range page.Contents {
		fmt.Fprintln(&out, *o.Key)
	}
	return out.Bytes(), nil
}

// cmdTrespass runs "trespass FROM TO KEY": the session of organization FROM that the
// environment holds tries every way to organization TO's artifact KEY, and to plant
// one. It fails unless AWS answers AccessDenied to each.
func cmdTrespass(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: trespass FROM TO KEY")
	}
	from, to, key := args[0], args[1], args[2]
	planted := to + "/sha256:" + strings.Repeat("0", 64)
	for _, door := range []struct{ name, bucket string }{
		{"own access point", accessPoint(ts, from)},
		{"their access point", accessPoint(ts, to)},
		{"bucket", of(ts).value("installation.bucketName")},
	} {
		_, get := getObject(ts, door.bucket, key)
		_, list := listObjects(ts, door.bucket, to+"/")
		_, all := listObjects(ts, door.bucket, "")
		put := putObject(ts, door.bucket, planted, []byte("planted"))
		for action, err := range map[string]error{"get": get, "list": list, "list all": all, "put": put} {
			refusal, ok := errors.AsType[smithy.APIError](err)
			if !ok || refusal.ErrorCode() != "AccessDenied" {
				ts.Fatalf("%s through the %s: %v, want AccessDenied", action, door.name, err)
			}
		}
		fmt.Fprintf(ts.Stdout(), "%s: refused\n", door.name)
	}
}

func accessPoint(ts *testscript.TestScript, org string) string {
	d := of(ts)
	return fmt.Sprintf("arn:aws:s3:%s:%s:accesspoint/%s%s", d.value("aws.region"), d.value("aws.accountId"), d.value("installation.apPrefix"), org)
}

// cmdObjects prints every object of the bucket (key and size) and every unfinished
// multipart upload, as the operator sees them. What an attack must not change is
// compared with "cmp stdout".
func cmdObjects(ts *testscript.TestScript, neg bool, args []string) {
	bucket := aws.String(of(ts).value("installation.bucketName"))
	client := objectsClient(ts, root(ts), *bucket)
	var lines []string
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		ts.Check(err)
		for _, o := range page.Contents {
			if owner, ok := canaryOf(*o.Key); ok {
				lines = append(lines, "canary "+owner)
				continue
			}
			lines = append(lines, fmt.Sprintf("object %s %d %s", *o.Key, *o.Size, *o.ETag))
		}
	}
	uploads, err := client.ListMultipartUploads(context.Background(), &s3.ListMultipartUploadsInput{Bucket: bucket})
	ts.Check(err)
	for _, u := range uploads.Uploads {
		lines = append(lines, "unfinished "+*u.Key)
	}
	slices.Sort(lines)
	_, _ = fmt.Fprint(ts.Stdout(), strings.Join(append(lines, ""), "\n"))
}

// canaryOf returns whose canary an object is.
func canaryOf(key string) (owner string, ok bool) {
	owner, address, _ := strings.Cut(key, "/")
	id, err := org.ParseID(owner)
	return owner, err == nil && address == digest.Of(tenancy.Installation{}.Tenant(id).Canary()).String()
}
