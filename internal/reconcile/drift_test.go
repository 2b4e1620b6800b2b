package reconcile_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// drift is a change by hand of one or more fields of what is observed.
type drift struct {
	fields string // paths in reconcile.Observed
	mode   tenancy.SessionPolicyMode
	change func(context.Context, *world, tenancy.Tenant) error
	repair string // what the next cycle's job has to do; "" when it is none or beyond repair
	reason string // of being Degraded
}

// notOfAnOrganization are fields that no hand can change in AWS or the database.
var notOfAnOrganization = map[string]string{
	"Superseded": "follows from the process's own age (TestACycleReadsNoSessionPolicy)",
	"Retained":   "is of deleted organizations (removal_test.go)",
}

func drifts() map[string]drift {
	wide := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{
		{Effect: iam.Allow, Actions: []string{"s3:*"}, Resources: []string{"*"}},
	}}
	all := map[string]drift{
		"session policy widened": {"SessionPolicy policy.DefaultVersion", "", func(ctx context.Context, w *world, t tenancy.Tenant) error {
			return w.root.AddPolicyVersion(ctx, t.SessionPolicyARN(), wide)
		}, "replace session policy", ""},
		"session policy deleted": {"policy.Name policy.ARN", "", func(ctx context.Context, w *world, t tenancy.Tenant) error {
			return w.root.DeletePolicy(ctx, t.SessionPolicyARN())
		}, "create session policy", ""},
		"session policy made anew as it was": {"policy.ID", "", func(ctx context.Context, w *world, t tenancy.Tenant) error {
			if err := w.root.DeletePolicy(ctx, t.SessionPolicyARN()); err != nil {
				return err
			}
			_, err := w.root.CreatePolicy(ctx, t.SessionPolicyName(), "", t.SessionPolicy())
			return err
		}, "", ""},
		"a version that is not the default": {"policy.Updated", "", func(ctx context.Context, w *world, t tenancy.Tenant) error {
			return w.addVersion(ctx, t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
		}, "", ""},
		"shared policy widened": {"SharedPolicy", tenancy.ABAC, func(ctx context.Context, w *world, _ tenancy.Tenant) error {
			return w.root.AddPolicyVersion(ctx, w.in.SharedPolicyARN(), wide)
		}, "save the session policy of all organizations", ""},
		"access point deleted": {"AccessPoint.Name AccessPoint.ARN", "", func(ctx context.Context, w *world, t tenancy.Tenant) error {
			return w.root.DeleteAccessPoint(ctx, t.APName())
		}, "create access point", ""},
		"access point made anew": {"AccessPoint.Alias", "", func(ctx context.Context, w *world, t tenancy.Tenant) error {
			return w.replaceAccessPoint(ctx, t.ID(), func(in *s3control.CreateAccessPointInput) { in.PublicAccessBlockConfiguration = block("") })
		}, "put the policy of access point", ""},
		"access point of another bucket": {"AccessPoint.Bucket", "", func(ctx context.Context, w *world, t tenancy.Tenant) error {
			if err := w.root.CreateBucket(ctx, "elsewhere"); err != nil {
				return err
			}
			return w.replaceAccessPoint(ctx, t.ID(), func(in *s3control.CreateAccessPointInput) { in.Bucket = aws.String("elsewhere") })
		}, "", "belongs to bucket elsewhere"},
		"access point for a VPC": {"AccessPoint.NetworkOrigin", "", func(ctx context.Context, w *world, t tenancy.Tenant) error {
			return w.replaceAccessPoint(ctx, t.ID(), func(in *s3control.CreateAccessPointInput) {
				in.VpcConfiguration = &types.VpcConfiguration{VpcId: aws.String("vpc-1a2b3c4d")}
			})
		}, "", "network origin VPC"},
		"access point policy widened": {"AccessPointPolicy", "", func(ctx context.Context, w *world, t tenancy.Tenant) error {
			return w.root.PutAccessPointPolicy(ctx, t.APName(), t.APPolicy("AROAEXAMPLEEXAMPLE000"))
		}, "put the policy of access point", ""},
		"record deleted": {"BackendRecorded", "", statement("DELETE FROM storage_backends WHERE org_id = ?"), "save the storage backend", ""},
		"record invalid": {"Backend", "", statement("UPDATE storage_backends SET status = 'invalid' WHERE org_id = ?"), "save the storage backend", ""},
		"record not the default, and no other is": {"Backend", "", statement("UPDATE storage_backends SET is_default = FALSE WHERE org_id = ?"), "save the storage backend", ""},
	}
	for _, open := range []string{"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"} {
		all["access point without "+open] = drift{"AccessPoint.Block." + open, "", func(ctx context.Context, w *world, t tenancy.Tenant) error {
			return w.replaceAccessPoint(ctx, t.ID(), func(in *s3control.CreateAccessPointInput) { in.PublicAccessBlockConfiguration = block(open) })
		}, "", "does not block all public access"}
	}
	for field, change := range map[string]func(*tenancy.Coordinates){
		"AccessPointARN":   func(c *tenancy.Coordinates) { c.AccessPointARN += "0" },
		"Region":           func(c *tenancy.Coordinates) { c.Region = "eu-west-1" },
		"BaseRoleARN":      func(c *tenancy.Coordinates) { c.BaseRoleARN += "0" },
		"SessionPolicyARN": func(c *tenancy.Coordinates) { c.SessionPolicyARN += "0" },
	} {
		all["coordinates with another "+field] = drift{"Coordinates." + field, "", func(ctx context.Context, w *world, t tenancy.Tenant) error {
			c := t.Coordinates()
			change(&c)
			document, err := json.Marshal(c)
			if err != nil {
				return err
			}
			return w.db.PutSecret(ctx, t.ID(), tenancy.StorageBackendName, document)
		}, "save the coordinates", ""}
	}
	return all
}

// block is the public access block with one of the four off.
func block(off string) *types.PublicAccessBlockConfiguration {
	on := func(name string) *bool { return aws.Bool(name != off) }
	return &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: on("BlockPublicAcls"), IgnorePublicAcls: on("IgnorePublicAcls"),
		BlockPublicPolicy: on("BlockPublicPolicy"), RestrictPublicBuckets: on("RestrictPublicBuckets"),
	}
}

// statement is what somebody does to an organization's record in the database.
func statement(text string) func(context.Context, *world, tenancy.Tenant) error {
	return func(ctx context.Context, w *world, t tenancy.Tenant) error {
		return w.db.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, text, t.ID().String())
			return err
		})
	}
}

// addVersion adds a version of the session policy that is not the default.
func (w *world) addVersion(ctx context.Context, t tenancy.Tenant, text string) error {
	_, err := w.rootIAM().CreatePolicyVersion(ctx, &awsiam.CreatePolicyVersionInput{PolicyArn: aws.String(t.SessionPolicyARN()), PolicyDocument: &text})
	return err
}

func (w *world) rootIAM() *awsiam.Client {
	key := w.aws.RootCredentials()
	return awsiam.New(awsiam.Options{
		Region: "us-east-1", BaseEndpoint: &w.endpoint, HTTPClient: httpClient{w.network},
		Credentials: awscredentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
	})
}

// leaves are the paths of all fields that a reconciliation observes.
func leaves(of reflect.Type, path string) []string {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || of == reflect.TypeFor[time.Time]() {
		return []string{path}
	}
	var all []string
	for field := range of.Fields() {
		all = append(all, leaves(field.Type, strings.TrimPrefix(path+"."+field.Name, "."))...)
	}
	return all
}

// Whoever has the reconciler observe another field says here what becomes of a change by
// hand of it.
func TestEveryObservedFieldHasADriftCase(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{}
	for field := range notOfAnOrganization {
		covered[field] = true
	}
	for _, d := range drifts() {
		for _, field := range strings.Fields(d.fields) {
			covered[field] = true
		}
	}
	observed := leaves(reflect.TypeFor[reconcile.Observed](), "")
	for _, field := range observed {
		if !covered[field] {
			t.Errorf("no case changes %s by hand", field)
		}
		delete(covered, field)
	}
	for field := range maps.Keys(covered) {
		t.Errorf("there is no field %s", field)
	}
}

// I7: one cycle finds the change of any field; the job that it asks for repairs it, or
// says why it cannot; and the cycle after that finds nothing.
func TestI7EveryFieldChangedByHand(t *testing.T) {
	t.Parallel()
	for name, d := range drifts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.switchTo(t, d.mode)
			r := w.reconciler(t, w.network, w.reported)
			o := w.made(t, r, 1)[0]
			if err := d.change(t.Context(), w, w.in.Tenant(o.ID)); err != nil {
				t.Fatal(err)
			}
			r = w.reconciler(t, w.network, w.reported) // another process's: it remembers nothing
			w.aws.Journal().Clear()
			// A listing has the time of a change in seconds: one that changes nothing else may
			// be missed in the second of the creation.
			if tally := w.cycle(t, r); tally.Due+tally.Drifted != 1 && d.fields != "policy.Updated" {
				t.Errorf("it is not seen: cycle %+v", tally)
			}
			plan, err := r.Plan(t.Context(), o)
			if d.repair == "" != (len(plan) == 0) || len(plan) > 0 && !strings.Contains(strings.Join(words(plan), "; "), d.repair) {
				t.Errorf("plan %v, %v; want %q", words(plan), err, d.repair)
			}
			if err := r.Reconcile(t.Context(), o.ID); err != nil {
				t.Fatal(err)
			}
			now, err := w.db.OrganizationByID(t.Context(), o.ID)
			if err != nil || (now.State == org.Degraded) != (d.reason != "") || !strings.Contains(now.Reason, d.reason) {
				t.Errorf("%s (%s), %v; want reason %q", now.State, now.Reason, err, d.reason)
			}
			if slices.Contains(w.operations(t), "DeleteAccessPoint") {
				t.Error("an access point was deleted")
			}
			if d.reason != "" {
				if !strings.Contains(now.Reason, "--recreate") {
					t.Errorf("the reason does not say what to do: %s", now.Reason)
				}
				if err := r.Recreate(t.Context(), now); err != nil {
					t.Fatal(err)
				}
			}
			w.settled(t, o.ID, org.Ready)
			if tally := w.cycle(t, r); tally.Due+tally.Drifted != 0 {
				t.Errorf("the cycle after it: %+v", tally)
			}
		})
	}
}

// IAM lets nobody have a name at two paths. Somebody's policy at another one keeps ours from
// being made: the organization says so, and is repaired when that is gone.
func TestASessionPolicyAtAnotherPath(t *testing.T) {
	t.Parallel()
	target := databasetest.Target(t, "sqlite")
	synctest.Test(t, func(t *testing.T) {
		w := newTimelessWorld(t, target)
		r := w.reconciler(t, w.network, w.reported)
		o := w.made(t, r, 1)[0]
		tenant := w.in.Tenant(o.ID)
		if err := w.root.DeletePolicy(t.Context(), tenant.SessionPolicyARN()); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(tenant.SessionPolicy())
		if err != nil {
			t.Fatal(err)
		}
		made, err := w.rootIAM().CreatePolicy(t.Context(), &awsiam.CreatePolicyInput{
			Path: aws.String("/elsewhere/"), PolicyName: aws.String(tenant.SessionPolicyName()), PolicyDocument: aws.String(string(text)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Reconcile(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
		now, err := w.db.OrganizationByID(t.Context(), o.ID)
		if err != nil || now.State != org.Degraded || !strings.Contains(now.Reason, "something else has the name") || !strings.Contains(now.Reason, "another path") {
			t.Errorf("%s: %s, %v", now.State, now.Reason, err)
		}
		if err := w.root.DeletePolicy(t.Context(), *made.Policy.Arn); err != nil {
			t.Fatal(err)
		}
		if err := r.Reconcile(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
		w.settled(t, o.ID, org.Ready)
	})
}
