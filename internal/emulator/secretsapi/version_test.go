package secretsapi_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"
)

// put stores a value as a version.
func put(t *testing.T, c *sdk.Client, token, text string, stages ...string) {
	t.Helper()
	_, err := c.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{
		SecretId: aws.String("s"), ClientRequestToken: &token, SecretString: &text, VersionStages: stages,
	})
	expect(t, err, "")
}

// stages returns the labels of the versions that have any.
func stages(t *testing.T, c *sdk.Client) map[string][]string {
	t.Helper()
	out, err := c.DescribeSecret(t.Context(), &sdk.DescribeSecretInput{SecretId: aws.String("s")})
	expect(t, err, "")
	return out.VersionIdsToStages
}

func version(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version
func TestLabelsMove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.as(w.root), t.Context()
	_, err := c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: aws.String("s")})
	expect(t, err, "")
	_, err = c.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: aws.String("s")})
	expect(t, err, "ResourceNotFoundException")

	put(t, c, version(1), "one", "AWSPENDING") // the first is current, whatever else
	put(t, c, version(2), "two")
	put(t, c, version(3), "three")
	put(t, c, version(4), "four", "AWSPENDING")
	want := map[string][]string{version(2): {"AWSPREVIOUS"}, version(3): {"AWSCURRENT"}, version(4): {"AWSPENDING"}}
	if diff := cmp.Diff(want, stages(t, c)); diff != "" {
		t.Fatal(diff)
	}
	for in, text := range map[sdk.GetSecretValueInput]string{
		{}: "three", {VersionStage: aws.String("AWSPREVIOUS")}: "two", {VersionStage: aws.String("AWSPENDING")}: "four",
		{VersionId: aws.String(version(1))}:                                          "one",
		{VersionId: aws.String(version(2)), VersionStage: aws.String("AWSPREVIOUS")}: "two",
	} {
		in.SecretId = aws.String("s")
		if got := read(t, c, in); got != text {
			t.Errorf("read %q, want %q", got, text)
		}
	}
	_, err = c.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: aws.String("s"), VersionStage: aws.String("none")})
	expect(t, err, "ResourceNotFoundException")
	_, err = c.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: aws.String("s"), VersionId: aws.String(version(9))})
	expect(t, err, "ResourceNotFoundException")
	_, err = c.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: aws.String("s"), VersionId: aws.String(version(1)), VersionStage: aws.String("AWSCURRENT")})
	expect(t, err, "InvalidRequestException")

	move := func(stage, from, to string) error {
		in := &sdk.UpdateSecretVersionStageInput{SecretId: aws.String("s"), VersionStage: &stage}
		if from != "" {
			in.RemoveFromVersionId = &from
		}
		if to != "" {
			in.MoveToVersionId = &to
		}
		_, err := c.UpdateSecretVersionStage(ctx, in)
		return err
	}
	expect(t, move("AWSCURRENT", version(3), ""), "InvalidParameterException")
	expect(t, move("AWSCURRENT", "", version(4)), "InvalidParameterException")
	expect(t, move("AWSCURRENT", version(2), version(4)), "InvalidParameterException")
	expect(t, move("AWSCURRENT", version(3), version(9)), "ResourceNotFoundException")
	expect(t, move("AWSCURRENT", "", ""), "InvalidParameterException")
	expect(t, move("AWSCURRENT", version(3), version(4)), "")
	expect(t, move("AWSPENDING", version(4), ""), "")
	expect(t, move("mine", "", version(1)), "")
	want = map[string][]string{version(1): {"mine"}, version(3): {"AWSPREVIOUS"}, version(4): {"AWSCURRENT"}}
	if diff := cmp.Diff(want, stages(t, c)); diff != "" {
		t.Error(diff)
	}
}

func TestPutIsIdempotent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.as(w.root), t.Context()
	create(t, c, "s", "first")
	put(t, c, version(1), "one")
	put(t, c, version(2), "two")
	put(t, c, version(1), "one") // no effect: 2 stays current
	if got := read(t, c, sdk.GetSecretValueInput{SecretId: aws.String("s")}); got != "two" {
		t.Errorf("current is %q", got)
	}
	in := &sdk.PutSecretValueInput{SecretId: aws.String("s"), ClientRequestToken: aws.String(version(1)), SecretString: aws.String("other")}
	_, err := c.PutSecretValue(ctx, in)
	expect(t, err, "ResourceExistsException")
	in.SecretString = nil
	_, err = c.PutSecretValue(ctx, in)
	expect(t, err, "InvalidRequestException")
	in.SecretBinary, in.ClientRequestToken = []byte{0, 255}, aws.String(version(3))
	_, err = c.PutSecretValue(ctx, in)
	expect(t, err, "")
	if got := read(t, c, sdk.GetSecretValueInput{SecretId: aws.String("s")}); got != "\x00\xff" {
		t.Errorf("bytes came back as %q", got)
	}
	in.SecretId = aws.String("none")
	_, err = c.PutSecretValue(ctx, in)
	expect(t, err, "ResourceNotFoundException")
}

// Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
func TestOldVersionsAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.as(w.root)
	_, err := c.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("s")})
	expect(t, err, "")
	put(t, c, version(1), "kept", "mine")
	for n := range 102 {
		put(t, c, version(n+2), "v")
	}
	var ids []string
	pages := sdk.NewListSecretVersionIdsPaginator(c, &sdk.ListSecretVersionIdsInput{
		SecretId: aws.String("s"), IncludeDeprecated: aws.Bool(true), MaxResults: aws.Int32(33),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			ids = append(ids, *v.VersionId)
		}
	}
	if len(ids) != 100 || ids[0] != version(1) || ids[1] != version(5) || ids[99] != version(103) {
		t.Errorf("%d versions, from %v", len(ids), ids[:2])
	}
	_, err = c.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: aws.String("s"), VersionId: aws.String(version(2))})
	expect(t, err, "ResourceNotFoundException")
}
