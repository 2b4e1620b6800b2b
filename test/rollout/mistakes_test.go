package rollout

import (
	"strings"
	"time"

	"github.com/managedcas/managedcas/test/process"
)

// mistakes makes the two mistakes of "When it goes wrong", sees the symptoms, and mends them.
func (r *reader) mistakes(page []block, up *running) {
	r.t.Helper()
	var symptoms, fixes []string
	for _, b := range page {
		switch b.purpose {
		case "symptom":
			symptoms = append(symptoms, b.text)
		case "fix":
			fixes = append(fixes, b.text)
		}
	}
	wrong := []string{
		`sh fill base-role-trust.json | sed "/TagWithOrganization/,\$ s/role.$BACKEND_ROLE/role\/$BASE_ROLE/" >wrong.json
			aws iam update-assume-role-policy --role-name "$BASE_ROLE" --policy-document file://wrong.json`,
		`sh fill bucket-policy.json | sed "s/accesspoint.$AP_PREFIX/&x/" >wrong.json
			aws s3api put-bucket-policy --bucket "$BUCKET" --policy file://wrong.json`,
	}
	if len(symptoms) != len(wrong) || len(fixes) != len(wrong) {
		r.t.Fatalf("the guide has %d symptoms and %d fixes", len(symptoms), len(fixes))
	}
	for i, mistake := range wrong {
		name := []string{"beta", "gamma"}[i]
		r.shell(r.keys, mistake)
		r.shell(nil, "managedcas organization create "+name)
		shown, logged, _ := strings.Cut(strings.TrimSpace(symptoms[i]), "\n")
		r.await(func() bool {
			return strings.Contains(r.shell(nil, "managedcas organization describe "+name), shown) && strings.Contains(up.backend.Stderr.String(), logged)
		}, name+" is not shown as the guide says")
		r.shell(r.keys, fixes[i])
		r.await(func() bool {
			return strings.Contains(r.shell(nil, "managedcas organization describe "+name), "artifacts can be stored")
		}, name+" is not mended")
	}
}

// breaks are what has happened when a section of the runbook is read.
var breaks = map[string]string{
	"The base role was made again": `aws iam delete-role-policy --role-name "$BASE_ROLE" --policy-name managedcas
		aws iam delete-role --role-name "$BASE_ROLE"`,
}

// operate does what the runbook says, in its order, after what has happened; each time an
// organization is served in the end.
func (r *reader) operate(page []block) {
	r.t.Helper()
	served := func() bool {
		return r.command(nil, `date +%N >now; managedcas --org acme artifact upload -f now`).Run() == nil
	}
	for i, b := range page {
		if b.purpose != "run" {
			continue
		}
		if what := breaks[b.section]; what != "" && page[i-1].section != b.section {
			r.shell(r.keys, what)
			r.await(func() bool { return !served() }, "acme is served although this has happened: "+b.section)
		}
		r.follow(page[i : i+1])
		r.await(served, "acme is not served after "+b.section)
	}
}

// await waits until something holds.
func (r *reader) await(holds func() bool, otherwise string) {
	r.t.Helper()
	deadline, tick := time.After(process.Patience), time.NewTicker(200*time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatal(otherwise)
		}
	}
}
