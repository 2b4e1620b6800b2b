package main

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// organization is a tenant, with the names that AWS knows it by.
type organization struct {
	Name string `json:"name"`
	ID   string `json:"id"`

	apName        string
	apARN         string
	sessionPolicy string // ARN
}

func (d *demo) start(ctx context.Context) error {
	begin := time.Now()
	if err := d.out.during("starting managedcasd dev", func() error { return d.dev.start(ctx) }); err != nil {
		return err
	}
	r := d.dev.ready
	d.out.field("account", r.AWS.AccountID+" in "+r.AWS.Region+", at "+r.AWS.Endpoint)
	d.out.field("bucket", r.Installation.BucketName)
	d.out.field("key", r.Installation.KMSKeyARN)
	d.out.field("base role", r.Installation.BaseRoleARN)
	for _, workload := range []string{"backend", "controlplane", "cas"} {
		d.out.field(workload, "acts as "+r.Workloads[workload].RoleARN)
	}
	d.out.gap()
	d.out.ok("healthy after " + seconds(time.Since(begin)))
	return nil
}

func (d *demo) createOrganizations(ctx context.Context) error {
	d.acme.Name, d.globex.Name = "acme", "globex"
	for _, o := range []*organization{&d.acme, &d.globex} {
		begin := time.Now()
		// Without --wait this returns at once; the storage follows within seconds.
		args := []string{"organization", "create", o.Name, "--wait", "30s"}
		if err := d.out.during("creating "+o.Name, func() error { return d.managedcasJSON(ctx, o, args...) }); err != nil {
			return err
		}
		o.apName = d.dev.ready.Installation.APPrefix + o.ID
		o.apARN = "arn:aws:s3:" + d.dev.ready.AWS.Region + ":" + d.dev.ready.AWS.AccountID + ":accesspoint/" + o.apName
		o.sessionPolicy = "arn:aws:iam::" + d.dev.ready.AWS.AccountID + ":policy/" + d.dev.ready.Installation.SessionPolicyPrefix + o.ID
		d.out.command(append([]string{"managedcas"}, args...), "")
		d.out.ok(o.Name + " is " + o.ID + "; its storage was ready after " + seconds(time.Since(begin)))
	}
	d.out.gap()
	for _, o := range []organization{d.acme, d.globex} {
		out, err := d.show(ctx, "--org", o.Name, "cas-backend", "list")
		if err != nil {
			return err
		}
		if !strings.Contains(out, "chainloop-cloud-storage") {
			return unexpected("storage backends of "+o.Name, "chainloop-cloud-storage", out)
		}
		if err := d.hidesAWS(ctx, o); err != nil {
			return err
		}
	}
	d.out.ok("the managed backend is the default, and says nothing about AWS")
	d.nameIdentifiers()
	return nil
}

// hidesAWS checks that a client learns nothing of where the artifacts are.
func (d *demo) hidesAWS(ctx context.Context, o organization) error {
	var all json.RawMessage
	if err := d.managedcasJSON(ctx, &all, "--org", o.Name, "cas-backend", "list"); err != nil {
		return err
	}
	for _, secret := range []string{"arn:", d.dev.ready.AWS.AccountID, d.dev.ready.Installation.BucketName} {
		if strings.Contains(string(all), secret) {
			return unexpected("storage backends of "+o.Name, "nothing about AWS", string(all))
		}
	}
	return nil
}

// nameIdentifiers makes the printer tell identifiers by short names from here on.
func (d *demo) nameIdentifiers() {
	r := d.dev.ready
	names := []string{
		r.Installation.KMSKeyARN, "{key}",
		"arn:aws:s3:" + r.AWS.Region + ":" + r.AWS.AccountID + ":accesspoint/", "accesspoint/",
		"arn:aws:iam::" + r.AWS.AccountID + ":", "",
		"arn:aws:sts::" + r.AWS.AccountID + ":", "",
		"arn:aws:kms:" + r.AWS.Region + ":" + r.AWS.AccountID + ":", "",
		"arn:aws:s3:::", "",
		d.acme.ID, "{acme}",
		d.globex.ID, "{globex}",
	}
	for _, a := range d.artifacts {
		names = append(names, a.Digest, short(a.Digest))
	}
	d.out.names = strings.NewReplacer(names...)
}
