package iam_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
)

// BenchmarkAnswerLines measures `policy evaluate` as a whole: JSON lines in, JSON
// lines out, with the policies of the decision table. Its metric is decisions per
// second of all cores that it may use (-cpu 1: of one); the goal is 200,000 of each.
func BenchmarkAnswerLines(b *testing.B) {
	list := func(kind iam.Kind, statements []string) string {
		text, err := document(b, kind, statements).MarshalJSON()
		if err != nil {
			b.Fatal(err)
		}
		return string(text)
	}
	w := base()
	policies := `,"identity":[` + list(iam.KindIdentity, w.identity) + `],"session":[` + list(iam.KindSession, w.session) + `]`
	ap, behind := list(iam.KindAP, w.ap), list(iam.KindBucket, w.bucket)
	const batch = 10_000 // so many that the start of a stream does not count
	write := func(line func(i int) string) []byte {
		var in bytes.Buffer
		for i := range batch {
			in.WriteString(line(i))
			in.WriteByte('\n')
		}
		return in.Bytes()
	}
	head := func(i int) string {
		return fmt.Sprintf(`{"id":%d,"principal":%q,"action":"s3:GetObject","resource":"%sA/object/org%c/%d","account":%q`,
			i, sessA, apARN, 'A'+rune(i%2), i, account) +
			`,"context":{"aws:userid":"AROAT:orgA","aws:SecureTransport":"true","s3:DataAccessPointArn":"` + apARN + `A","s3:DataAccessPointAccount":"` + account + `"}`
	}
	one := func(i int) string { return head(i) + policies + `,"resourcePolicy":` + ap + `}` }
	streams := map[string][]byte{
		"no policies": write(func(i int) string { return head(i) + `}` }),
		"one context": write(one),
		"two contexts": write(func(i int) string {
			line := one(i)
			return line[:len(line)-1] + fmt.Sprintf(`,"also":[{"resource":"%s/orgA/%d","resourcePolicy":%s}]}`, bucket, i, behind)
		}),
		"every policy new": write(func(i int) string {
			return strings.NewReplacer("cas-prod-*", fmt.Sprintf("cas-prod-%d*", i), "orgA/*", fmt.Sprintf("org%d/*", i)).Replace(one(i))
		}),
	}
	for _, name := range []string{"no policies", "one context", "two contexts", "every policy new"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(streams[name])))
			for b.Loop() {
				if err := iam.AnswerLines(bytes.NewReader(streams[name]), io.Discard); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "decisions/s")
		})
	}
}
