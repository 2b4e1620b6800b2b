package rollout

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// The operator's guide, followed to the letter by somebody who has the aws CLI and the two
// programs: sections 1 to 4 make what provision would have made, the roles start from what the
// chart renders of section 5, and what Verify promises is so.
func TestGuide(t *testing.T) {
	t.Parallel()
	programs, page := build(t), blocks(t, guidePage)
	t.Run("provision", func(t *testing.T) {
		t.Parallel()
		shorter(t, programs, page)
	})
	for who, example := range map[string]string{"pod-identity": "guide", "irsa": "guide-irsa"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			var r *reader
			s := newSite(t, programs, rendered(t, example), func(s *site, _ string) (string, map[string]identity) {
				r = newReader(t, programs, s.account, who)
				return r.prepare(page, s.manifests.accounts)
			})
			r.wantDocuments(files(page), s.in)
			up := s.start()
			r.sees(s, up)
			said := r.follow(between(t, page, "Verify", "When it goes wrong"))
			for _, want := range []string{
				"chainloop-cloud-storage", "managed by Chainloop",
				`"Name": "` + r.value("AP_PREFIX") + r.value("ORG") + `"`,
				`"Key": "` + r.value("ORG") + "/sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
				`"KMSMasterKeyID": "` + r.value("KMS_KEY"),
				"aws:kms\t" + r.value("KMS_KEY"),
			} {
				if !strings.Contains(said, want) {
					t.Errorf("there is no %s in what Verify printed:\n%s", want, said)
				}
			}
			if want := "create access point " + r.value("AP"); !strings.Contains(up.backend.Stderr.String(), want) {
				t.Errorf("the log of the backend does not say %s", want)
			}
			if who == "irsa" { // once is enough of each
				r.mistakes(page, up)
			} else {
				r.operate(blocks(t, runbookPage))
			}
			up.stop(t)
		})
	}
}

// shorter is the shorter way: managedcasd provision in place of sections 1 to 4.
func shorter(t *testing.T, programs string, page []block) {
	r := newReader(t, programs, newAccount(t, programs, "111122223333", "eu-west-1"), "provision")
	r.save(page)
	said := r.follow(between(t, page, "Prerequisites", "1."))
	_, key, found := strings.Cut(said, "kmsKeyArn: ")
	key, _, _ = strings.Cut(key, "\n")
	if !found || !strings.Contains(said, "create bucket example-artifacts") {
		t.Fatalf("provision says\n%s", said)
	}
	r.shell(r.keys, "export KMS_KEY="+key+"\n"+keep)
	r.wantAllThere(page, "nothing to do")
}

// prepare follows the guide up to Verify.
func (r *reader) prepare(page []block, accounts map[string]serviceAccount) (kmsKeyARN string, identities map[string]identity) {
	r.t.Helper()
	if annotated(accounts) {
		_, url := r.account.tokens(r.t, accounts)
		r.more = append(r.more, "TEST_ISSUER="+url)
	}
	r.save(page)
	r.follow(between(r.t, page, "Prerequisites", "Verify"))
	left := "nothing to do"
	if r.old() {
		left = "1. encrypt bucket " + r.value("BUCKET") + " with the KMS key by default"
	}
	r.wantAllThere(page, left)
	return r.value("KMS_KEY"), r.identities(accounts)
}

// wantAllThere asks at the end of section 4 what provision would still do, and has it do that.
func (r *reader) wantAllThere(page []block, left string) {
	r.t.Helper()
	section := between(r.t, page, "4.", "5.")
	said := r.follow(section[len(section)-1:])
	if !strings.Contains(said, left+"\n") || strings.Contains(said, "\n2. ") {
		r.t.Errorf("provision --plan says\n%sand not: %s", said, left)
	}
	r.shell(r.keys, "managedcasd provision --config managedcas.yaml")
}

// own are the documents of the guide that policy render writes as well.
var own = map[string]iam.Kind{
	"bucket-policy.json": iam.KindBucket, "key-policy.json": iam.KindKey, "base-role-trust.json": iam.KindTrust,
	"base-role-permissions.json": iam.KindIdentity, "controlplane-permissions.json": iam.KindIdentity,
	"backend-permissions.json": iam.KindIdentity, "workload-trust-pod-identity.json": iam.KindTrust,
}

// wantDocuments wants the documents of the page, with the names filled in, to say what the
// programs would write for an account of AWS.
func (r *reader) wantDocuments(page map[string]string, in tenancy.Installation) {
	r.t.Helper()
	original := filepath.Join(r.dir, "original")
	r.write(original, page)
	r.shell(nil, "cd original && sh fill managedcas.in.yaml >managedcas.yaml && managedcasd policy render --config managedcas.yaml --out rendered")
	same := func(name, want string, kind iam.Kind) {
		got := r.shell(nil, "export SUBJECTS='\"system:serviceaccount:managedcas:managedcas-backend\"'; cd original && sh fill "+name)
		if canonical(r.t, kind, got) != want {
			r.t.Errorf("%s of the guide is\n%s\nand should be\n%s", name, got, want)
		}
	}
	for name, kind := range own {
		same(name, canonical(r.t, kind, read(r.t, filepath.Join(original, "rendered", name))), kind)
	}
	if r.who == "irsa" {
		in.KMSKeyARN = r.value("KMS_KEY")
		want, err := in.WorkloadTrustIRSA("arn:aws:iam::"+in.AccountID+":oidc-provider/"+r.value("ISSUER"),
			tenancy.ServiceAccount{Namespace: "managedcas", Name: "managedcas-backend"})
		must(r.t, err)
		same("workload-trust-irsa.json", string(want.Canonical()), iam.KindTrust)
	}
	for name := range page {
		_, compared := own[name]
		if strings.HasSuffix(name, ".json") && !compared && !slices.Contains([]string{"encryption.json", "workload-trust-irsa.json"}, name) {
			r.t.Errorf("%s of the guide is compared with nothing", name)
		}
	}
}

func canonical(t *testing.T, kind iam.Kind, text string) string {
	t.Helper()
	document, err := iam.Parse(kind, []byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return string(document.Canonical())
}
