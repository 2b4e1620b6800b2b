package gate_test

import (
	"strconv"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/identitytest"
)

// BenchmarkAuthorize authorizes a session with a managed session policy in accounts
// of different sizes: the cost must not grow with the number of policies.
func BenchmarkAuthorize(b *testing.B) {
	for _, policies := range []int{1, 10_000} {
		b.Run(strconv.Itoa(policies), func(b *testing.B) {
			a := identitytest.New(b, identitytest.Config{})
			a.CreateRole(b, "T", identitytest.Trust(`{"AWS":"*"}`))
			a.Do(b, "PutRolePolicy", identitytest.Params{"RoleName": "T", "PolicyName": "p", "PolicyDocument": identitytest.Allow("s3:*", "*")})
			fill(b, a, policies)
			caller, _ := a.Assume(b, a.CreateUser(b, "u"), "T", "orgA", identitytest.Params{
				"PolicyArns.member.1.arn": identitytest.PolicyARN("p0"),
			})
			check := gate.Check{Action: "s3:GetObject", Resource: pointA + key, Account: identitytest.ID}
			for b.Loop() {
				if err := a.Gate.Authorize(b.Context(), caller, check); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// fill stores n managed policies p0, p1, … at once.
func fill(b *testing.B, a *identitytest.Account, n int) {
	b.Helper()
	err := a.Directory.Update(func(tx directory.Tx) error {
		for i := range n {
			name := "p" + strconv.Itoa(i)
			v := directory.VersionInfo{ID: "v1"}
			p := directory.Policy{
				Name: name, Path: "/", ARN: identitytest.PolicyARN(name), ID: directory.NewID(directory.KindPolicy),
				Default: v.ID, Versions: []directory.VersionInfo{v}, Issued: 1,
			}
			text := identitytest.Allow("s3:GetObject", pointA+"/object/*")
			if err := directory.Versions.Put(tx, directory.VersionKey(p.ID, v.ID), directory.Version{VersionInfo: v, Document: text}); err != nil {
				return err
			}
			if err := directory.Policies.Put(tx, name, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
