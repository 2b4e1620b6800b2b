package secretsapi_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"
)

// Source of what follows, where none is named: the operation's page in
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/.
const (
	token1 = "00000000-0000-4000-8000-000000000001"
	token2 = "00000000-0000-4000-8000-000000000002"
)

func TestNamesOfASecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.as(w.root)
	arn := create(t, c, "prod/db-abcdef", "value")
	other := create(t, c, "prod/db", "other")
	if !regexp.MustCompile(`^` + arnPrefix + `prod/db-abcdef-[A-Za-z0-9]{6}$`).MatchString(arn) {
		t.Errorf("ARN %s", arn)
	}
	for id, want := range map[string]string{
		"prod/db-abcdef": "value", arn: "value", arnPrefix + "prod/db-abcdef": "value",
		"prod/db": "other", other: "other", arnPrefix + "prod/db": "other",
	} {
		if got := read(t, c, sdk.GetSecretValueInput{SecretId: &id}); got != want {
			t.Errorf("%s holds %q, want %q", id, got, want)
		}
	}
	for _, id := range []string{
		"prod", arn + "x", arnPrefix + "prod/db-abcdef-zzzzzz", arnPrefix,
		strings.Replace(arn, account, "999999999999", 1), strings.Replace(arn, region, "us-east-1", 1),
	} {
		_, err := c.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: &id})
		expect(t, err, "ResourceNotFoundException")
	}
}

func TestCreateIsIdempotent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.as(w.root), t.Context()
	in := sdk.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String("v"), ClientRequestToken: aws.String(token1)}
	first, err := c.CreateSecret(ctx, &in)
	expect(t, err, "")
	again, err := c.CreateSecret(ctx, &in)
	expect(t, err, "")
	if aws.ToString(first.ARN) != aws.ToString(again.ARN) || aws.ToString(again.VersionId) != token1 {
		t.Errorf("made %v, then %v", aws.ToString(first.ARN), aws.ToString(again.ARN))
	}
	for name, change := range map[string]func(*sdk.CreateSecretInput){
		"another value": func(in *sdk.CreateSecretInput) { in.SecretString = aws.String("w") },
		"another kind":  func(in *sdk.CreateSecretInput) { in.SecretString, in.SecretBinary = nil, []byte("v") },
		"another token": func(in *sdk.CreateSecretInput) { in.ClientRequestToken = aws.String(token2) },
		"no value":      func(in *sdk.CreateSecretInput) { in.SecretString = nil },
	} {
		other := in
		change(&other)
		if _, err := c.CreateSecret(ctx, &other); code(err) != "ResourceExistsException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, wrong := range map[string]sdk.CreateSecretInput{
		"name":        {Name: aws.String("a b")},
		"long name":   {Name: aws.String(strings.Repeat("n", 513))},
		"two values":  {Name: aws.String("x"), SecretString: aws.String("v"), SecretBinary: []byte("v")},
		"empty value": {Name: aws.String("x"), SecretString: aws.String("")},
		"long value":  {Name: aws.String("x"), SecretString: aws.String(strings.Repeat("v", 65537))},
		"token":       {Name: aws.String("x"), SecretString: aws.String("v"), ClientRequestToken: aws.String("short")},
		"tag":         {Name: aws.String("x"), Tags: []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("")}}},
	} {
		if _, err := c.CreateSecret(ctx, &wrong); code(err) != "InvalidParameterException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: aws.String("y"), Type: aws.String("x")})
	expect(t, err, "NotImplemented")
}

func TestDeleteAndRestore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.as(w.root), t.Context()
	arn := create(t, c, "s", "v")
	id := aws.String("s")
	_, err := c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: id, RecoveryWindowInDays: aws.Int64(6)})
	expect(t, err, "InvalidParameterException")
	_, err = c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: id, RecoveryWindowInDays: aws.Int64(7), ForceDeleteWithoutRecovery: aws.Bool(true)})
	expect(t, err, "InvalidParameterException")
	deleted, err := c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: id, RecoveryWindowInDays: aws.Int64(7)})
	expect(t, err, "")
	if deleted.DeletionDate == nil {
		t.Error("no deletion date")
	}
	// Marked for deletion, it can be looked at, restored, and nothing else.
	_, err = c.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: id})
	expect(t, err, "InvalidRequestException")
	_, err = c.PutSecretValue(ctx, &sdk.PutSecretValueInput{SecretId: id, SecretString: aws.String("w")})
	expect(t, err, "InvalidRequestException")
	_, err = c.UpdateSecret(ctx, &sdk.UpdateSecretInput{SecretId: id, Description: aws.String("w")})
	expect(t, err, "InvalidRequestException")
	_, err = c.TagResource(ctx, &sdk.TagResourceInput{SecretId: id, Tags: []types.Tag{{Key: id, Value: id}}})
	expect(t, err, "InvalidRequestException")
	_, err = c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: id})
	expect(t, err, "InvalidRequestException")
	_, err = c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: id})
	expect(t, err, "InvalidRequestException")
	described, err := c.DescribeSecret(ctx, &sdk.DescribeSecretInput{SecretId: id})
	expect(t, err, "")
	if described.DeletedDate == nil {
		t.Error("it does not say that it is deleted")
	}
	for include, want := range map[bool]int{false: 0, true: 1} {
		list, err := c.ListSecrets(ctx, &sdk.ListSecretsInput{IncludePlannedDeletion: &include})
		expect(t, err, "")
		if len(list.SecretList) != want {
			t.Errorf("listed with those to be deleted %v: %d", include, len(list.SecretList))
		}
	}
	_, err = c.RestoreSecret(ctx, &sdk.RestoreSecretInput{SecretId: id})
	expect(t, err, "")
	if got := read(t, c, sdk.GetSecretValueInput{SecretId: id}); got != "v" {
		t.Errorf("restored with %q", got)
	}
	// By force it is gone at once, for good, and again is no error.
	force := &sdk.DeleteSecretInput{SecretId: id, ForceDeleteWithoutRecovery: aws.Bool(true)}
	for range 2 {
		_, err = c.DeleteSecret(ctx, force)
		expect(t, err, "")
	}
	_, err = c.RestoreSecret(ctx, &sdk.RestoreSecretInput{SecretId: id})
	expect(t, err, "ResourceNotFoundException")
	if again := create(t, c, "s", "v"); again == arn {
		t.Error("a new secret has the ARN of the old one")
	}
}

func TestListSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.as(w.root), t.Context()
	names := []string{"a/1", "a/2", "b/1", "b/2", "b/3"}
	for _, name := range names {
		_, err := c.CreateSecret(ctx, &sdk.CreateSecretInput{
			Name: &name, Description: aws.String("Number " + name[2:]), Tags: []types.Tag{{Key: aws.String(name[:1]), Value: aws.String(name[2:])}},
		})
		expect(t, err, "")
	}
	list := func(in sdk.ListSecretsInput) (got []string) {
		t.Helper()
		for pages := sdk.NewListSecretsPaginator(c, &in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range page.SecretList {
				got = append(got, *s.Name)
			}
		}
		return got
	}
	for size := int32(1); size <= 6; size++ {
		if diff := cmp.Diff(names, list(sdk.ListSecretsInput{MaxResults: &size})); diff != "" {
			t.Errorf("pages of %d: %s", size, diff)
		}
	}
	for _, row := range []struct {
		key    types.FilterNameStringType
		values []string
		want   []string
	}{
		{"name", []string{"a/"}, names[:2]},
		{"name", []string{"!a/"}, names[2:]},
		{"name", []string{"a/1", "b/3"}, []string{"a/1", "b/3"}},
		{"name", []string{"A"}, nil},
		{"description", []string{"number 2"}, []string{"a/2", "b/2"}},
		{"tag-key", []string{"a"}, names[:2]},
		{"tag-value", []string{"3"}, names[4:]},
	} {
		got := list(sdk.ListSecretsInput{Filters: []types.Filter{{Key: row.key, Values: row.values}}})
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s %v: %s", row.key, row.values, diff)
		}
	}
	_, err := c.ListSecrets(ctx, &sdk.ListSecretsInput{MaxResults: aws.Int32(101)})
	expect(t, err, "InvalidParameterException")
	for _, token := range []string{"%", "zzz"} {
		_, err = c.ListSecrets(ctx, &sdk.ListSecretsInput{NextToken: aws.String(token)})
		expect(t, err, "InvalidNextTokenException")
	}
	_, err = c.ListSecrets(ctx, &sdk.ListSecretsInput{Filters: []types.Filter{{Key: "all", Values: []string{"x"}}}})
	expect(t, err, "NotImplemented")
	_, err = c.ListSecrets(ctx, &sdk.ListSecretsInput{SortOrder: "desc"})
	expect(t, err, "NotImplemented")
}

// Values are not on disk in the clear, and are there after a restart.
func TestValuesAtRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const text = "a value that must not be found in any file"
	create(t, w.as(w.root), "s", text)
	w.close()
	files, err := filepath.Glob(filepath.Join(w.home, "*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(text)) || bytes.Contains(content, []byte("YSB2YWx1ZSB0aGF0IG11c3Qgbm90")) {
			t.Errorf("the value is in %s", file)
		}
	}
	w.open()
	if got := read(t, w.as(w.root), sdk.GetSecretValueInput{SecretId: aws.String("s")}); got != text {
		t.Errorf("read %q", got)
	}
}
