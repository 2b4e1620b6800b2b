package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
)

// ledger reads everything that there is, in AWS and in the database, past the program.
type ledger struct {
	w    *world
	conn *pgx.Conn
	all  string // the query for all rows of all tables
	s3   *s3.Client
}

func (w *world) ledger(t *testing.T, target string) *ledger {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	rows, err := conn.Query(t.Context(), "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 10 {
		t.Fatal(tables, err)
	}
	var queries []string
	for _, table := range tables {
		queries = append(queries, fmt.Sprintf("SELECT '%s ' || to_jsonb(r)::text FROM %q AS r", table, table))
	}
	key := w.aws.RootCredentials()
	return &ledger{w: w, conn: conn, all: strings.Join(queries, " UNION ALL "), s3: s3.New(s3.Options{
		Region: w.in.Region, BaseEndpoint: &w.endpoint, UsePathStyle: true,
		Credentials: awscredentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
	})}
}

// rows returns an organization's rows, and all others, as "table {…}".
func (l *ledger) rows(t *testing.T, id org.ID) (own, others []string) {
	t.Helper()
	rows, err := l.conn.Query(t.Context(), l.all)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	for _, row := range all {
		if strings.HasPrefix(row, "audit_chains") {
			continue // their records are here
		}
		if strings.Contains(row, `"chain": "installation"`) {
			// Everybody's chain grows with every organization: where a record is in it, and its
			// hash, are nobody's own.
			row = placeInChain.ReplaceAllString(row, "")
		}
		if speaksOf(row, id) {
			own = append(own, row)
		} else {
			others = append(others, row)
		}
	}
	return own, others
}

var placeInChain = regexp.MustCompile(`"(seq|hash)": ("[0-9a-f]+"|\d+), `)

// objects returns the versions of an organization's objects; of all when id is zero.
func (l *ledger) objects(t *testing.T, id org.ID) (found []string) {
	t.Helper()
	prefix := ""
	if !id.IsZero() {
		prefix = l.w.in.Tenant(id).KeyPrefix()
	}
	out, err := l.s3.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &l.w.in.BucketName, Prefix: &prefix})
	if err != nil || aws.ToBool(out.IsTruncated) {
		t.Fatal(err, "or too many objects")
	}
	for _, v := range out.Versions {
		found = append(found, fmt.Sprint(aws.ToString(v.Key), " ", aws.ToString(v.VersionId), " ", aws.ToString(v.ETag), " ", aws.ToInt64(v.Size)))
	}
	for _, m := range out.DeleteMarkers {
		found = append(found, fmt.Sprint(aws.ToString(m.Key), " ", aws.ToString(m.VersionId), " deleted"))
	}
	return found
}

// exactly is everything that AWS has of an organization, to the byte.
func (l *ledger) exactly(t *testing.T, id org.ID) string {
	t.Helper()
	tenant := l.w.in.Tenant(id)
	ap, errPoint := l.w.root.AccessPoint(t.Context(), tenant.APName())
	policy, errPolicy := l.w.root.AccessPointPolicy(t.Context(), tenant.APName())
	session, text, errSession := l.w.root.Policy(t.Context(), tenant.SessionPolicyARN())
	for _, err := range []error{errPoint, errPolicy, errSession} {
		if err != nil && !errors.Is(err, cloud.ErrNotFound) {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("%+v\n%s\n%+v\n%s\n%q", ap, policy, session, text, l.objects(t, id))
}

// meaning is what an organization has, without what differs from one to the other: ids,
// times, and how often something was tried. What AWS has is in it as what it means.
func (l *ledger) meaning(t *testing.T, id org.ID) []string {
	t.Helper()
	tenant := l.w.in.Tenant(id)
	var lines []string
	add := func(what string, text string, err error) {
		switch {
		case errors.Is(err, cloud.ErrNotFound):
			text = "none"
		case err != nil:
			t.Fatal(err)
		}
		lines = append(lines, what+" "+text)
	}
	canonical := func(kind iam.Kind, text []byte) string {
		if document, err := iam.Parse(kind, text); err == nil {
			return string(document.Canonical())
		}
		return string(text)
	}
	ap, err := l.w.root.AccessPoint(t.Context(), tenant.APName())
	ap.Alias = ""
	add("access point", fmt.Sprintf("%+v", ap), err)
	policy, err := l.w.root.AccessPointPolicy(t.Context(), tenant.APName())
	add("access point policy", canonical(iam.KindAP, policy), err)
	_, text, err := l.w.root.Policy(t.Context(), tenant.SessionPolicyARN())
	add("session policy", canonical(iam.KindSession, text), err)
	for _, o := range l.objects(t, id) {
		key, _, _ := strings.Cut(o, " ")
		lines = append(lines, "object "+key)
	}
	own, _ := l.rows(t, id)
	for _, row := range own {
		switch table, _, _ := strings.Cut(row, " "); table {
		case "organization_events": // tells how it went
		case "observations": // compared with a new look
		case "river_job":
			lines = append(lines, "a job")
		default:
			lines = append(lines, row)
		}
	}
	for i := range lines {
		lines[i] = strings.NewReplacer(id.String(), "ORG", id.Compact(), "ORG").Replace(lines[i])
		lines[i] = varying.ReplaceAllString(lines[i], "…")
	}
	slices.Sort(lines)
	return lines
}

// varying are times, ids that are random, places in the audit log, and what a purge has
// counted: who is killed between a deletion and its count does not count.
var varying = regexp.MustCompile(`seq = \d+|\d{4}-\d\d-\d\d[T ][^"']*|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|"(objects|bytes)": \d+|\\"(objects|bytes)\\":\\"\d+\\"`)

// listing is what listings show of everybody's access points and session policies but
// one organization's, and the objects of all others.
func (l *ledger) listing(t *testing.T, but org.ID) (lines []string) {
	t.Helper()
	add := func(line string, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if !speaksOf(line, but) {
			lines = append(lines, line)
		}
	}
	for ap, err := range l.w.root.AccessPoints(t.Context(), l.w.in.BucketName, "") {
		add(fmt.Sprintf("%+v", ap), err)
	}
	for p, err := range l.w.root.Policies(t.Context(), "") {
		add(fmt.Sprintf("%+v", p), err)
	}
	for _, o := range l.objects(t, org.ID{}) {
		add(o, nil)
	}
	return lines
}
