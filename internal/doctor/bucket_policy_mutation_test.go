package doctor

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
)

// Whatever single mistake in the bucket policy lets an organization reach another's, or
// keeps it from its own, is known by its own name: the proof of isolation finds nothing
// where the other checks find nothing.
func TestBucketPolicyMistakesAreKnown(t *testing.T) {
	t.Parallel()
	kinds := installations(t)
	known := []check{{look: policyLetsThrough}, {look: policyDenies}, {look: policyControl}}
	draw := rand.New(rand.NewPCG(7, mutations))
	silent := 0
	for i := range mutations {
		in := kinds[[]string{"plain", "purging", "long prefix"}[i%3]]
		policy, mistake := mistaken(draw, in.BucketPolicy())
		written, err := json.Marshal(policy)
		if err != nil || iam.Equal(policy, in.BucketPolicy()) {
			continue // one condition twice, or no mistake
		}
		o := Observation{Installation: in, bucketSeen: healthyBucket(t, in)}
		o.BucketPolicy.Value = written
		if len(look(t, o, known)) > 0 {
			continue
		}
		silent++
		if found, err := policyIsolation(o); err != nil || len(found) > 0 {
			t.Errorf("%s: %v %+v", mistake, err, found)
		}
	}
	if silent > mutations/2 {
		t.Errorf("%d of %d mistakes gave no finding: are they mistakes?", silent, mutations)
	}
}

// mistaken returns a policy with one statement that is not as it was, and what was done.
func mistaken(draw *rand.Rand, d *iam.Document) (*iam.Document, string) {
	at := draw.IntN(len(d.Statements))
	sid := d.Statements[at].Sid
	if draw.IntN(6) == 0 {
		return without(d, func(i int, _ iam.Statement) bool { return i == at }), "dropped " + sid
	}
	what := ""
	mutated := edited(d, func(i int, st *iam.Statement) {
		if i == at {
			what = mutate(draw, st)
		}
	})
	return mutated, what + " in " + sid
}

func mutate(draw *rand.Rand, st *iam.Statement) string {
	pick := func(from ...string) string { return from[draw.IntN(len(from))] }
	switch draw.IntN(6) {
	case 0:
		if st.Effect = iam.Deny; draw.IntN(2) == 0 {
			st.Effect = iam.Allow
		}
		return "effect " + string(st.Effect)
	case 1:
		if len(st.Actions) > 0 {
			st.Actions = []string{pick("s3:*", "s3:GetObject", "s3:Get*", "s3:PutObject", "s3:ListBucket", "s3:Delete*", st.Actions[0])}
		}
		return "actions " + strings.Join(st.Actions, ", ")
	case 2:
		resource := pick("arn:aws:s3:::artifacts", "arn:aws:s3:::artifacts/*", "arn:aws:s3:::artifacts/${aws:PrincipalTag/team}/*", "arn:aws:s3:::artifacts/*/*")
		if len(st.Resources) > 0 {
			st.Resources = []string{resource}
		} else {
			st.NotResources = []string{resource}
		}
		return "resource " + resource
	case 3:
		st.Principals = &iam.Principals{AWS: []string{pick("arn:aws:iam::111122223333:role/tenant", "111122223333", "arn:aws:iam::111122223333:role/backend", "*")}}
		return "principal " + st.Principals.AWS[0]
	}
	if len(st.Conditions) == 0 {
		st.Effect = iam.Allow
		return "effect Allow"
	}
	at := draw.IntN(len(st.Conditions))
	c := st.Conditions[at]
	switch draw.IntN(3) {
	case 0:
		st.Conditions = slices.Delete(st.Conditions, at, at+1)
		return "without " + c.Operator + " " + c.Key
	case 1:
		c.Operator = pick("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "ArnLike", "ArnNotLike")
	default:
		if c.Operator == "Null" || c.Operator == "Bool" {
			c.Values = []string{pick("true", "false")}
		} else {
			c.Values = []string{pick("*", "x", "arn:aws:s3:*:*:accesspoint/*", "arn:aws:s3:eu-west-1:111122223333:accesspoint/ca*", "arn:aws:iam::111122223333:role/*", "${aws:PrincipalTag/team}/*", c.Values[0]+"*")}
		}
	}
	st.Conditions[at] = c
	return c.Operator + " " + c.Key + " " + strings.Join(c.Values, ", ")
}

// Another spelling of the same policies is no finding.
func TestRewrittenPolicies(t *testing.T) {
	t.Parallel()
	in := installation(t)
	for name, rewrite := range map[string]func(*iam.Document) *iam.Document{
		"another order": func(d *iam.Document) *iam.Document {
			d = edited(d, func(_ int, st *iam.Statement) { slices.Reverse(st.Conditions) })
			slices.Reverse(d.Statements)
			return d
		},
		"no names": func(d *iam.Document) *iam.Document {
			return edited(d, func(_ int, st *iam.Statement) { st.Sid = "" })
		},
		"another case": func(d *iam.Document) *iam.Document {
			return edited(d, func(_ int, st *iam.Statement) {
				st.Actions = slices.Clone(st.Actions)
				for i, action := range st.Actions {
					service, name, _ := strings.Cut(action, ":")
					st.Actions[i] = service + ":" + strings.ToUpper(name)
				}
				for i, c := range st.Conditions {
					st.Conditions[i].Key = strings.ToLower(c.Key)
				}
			})
		},
		"everybody, in another way": func(d *iam.Document) *iam.Document {
			return edited(d, func(_ int, st *iam.Statement) {
				if st.Principals.Any {
					st.Principals = &iam.Principals{AWS: []string{"*"}}
				}
			})
		},
		"ARN operators": replaced(t, "StringNotLike\":{\"s3:DataAccessPointArn", "ArnNotLike\":{\"s3:DataAccessPointArn", "\"ArnEquals\"", "\"ArnLike\""),
		"one statement for each action": func(d *iam.Document) *iam.Document {
			var statements []iam.Statement
			for _, st := range d.Statements {
				for _, action := range st.Actions {
					one := st
					one.Sid, one.Actions = "", []string{action}
					statements = append(statements, one)
				}
			}
			return &iam.Document{Version: d.Version, Statements: statements}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Observation{Installation: in, bucketSeen: healthyBucket(t, in), keySeen: healthyKey(t, in)}
			o.BucketPolicy.Value = listedValues(t, text(t, rewrite(in.BucketPolicy())))
			if name != "ARN operators" || strings.Contains(string(o.KeyPolicy.Value), "ArnEquals") {
				o.KeyPolicy.Value = listedValues(t, text(t, rewrite(in.KeyPolicy())))
			}
			if found := look(t, o, slices.Concat(bucketChecks(), keyChecks())); len(found) > 0 {
				t.Errorf("%+v", found)
			}
		})
	}
}

// listedValues writes a policy with a list around every single action and resource.
func listedValues(t *testing.T, policy []byte) []byte {
	t.Helper()
	var tree struct {
		Version   string
		Statement []map[string]any
	}
	if err := json.Unmarshal(policy, &tree); err != nil {
		t.Fatal(err)
	}
	for _, st := range tree.Statement {
		for _, element := range []string{"Action", "NotAction", "Resource", "NotResource"} {
			if one, ok := st[element].(string); ok {
				st[element] = []string{one}
			}
		}
	}
	var listed bytes.Buffer
	encoder := json.NewEncoder(&listed)
	if err := encoder.Encode(tree); err != nil {
		t.Fatal(err)
	}
	return listed.Bytes()
}
