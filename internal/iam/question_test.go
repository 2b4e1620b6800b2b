package iam_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
)

type answerLine struct {
	ID      any          `json:"id"`
	Result  iam.Result   `json:"result"`
	Because []iam.Reason `json:"because"`
}

func ask(t *testing.T, lines string) []answerLine {
	t.Helper()
	var out bytes.Buffer
	if err := iam.AnswerLines(strings.NewReader(lines), &out); err != nil {
		t.Fatal(err)
	}
	var all []answerLine
	for dec := json.NewDecoder(&out); ; {
		var a answerLine
		if err := dec.Decode(&a); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
}

// TestQuestions: one line each (source of every row: the documentation of AnswerLines,
// and for the decisions facts AWS §3).
func TestQuestions(t *testing.T) {
	t.Parallel()
	const (
		head = `"id":"q","principal":"arn:aws:sts::111122223333:assumed-role/R/s","action":"s3:GetObject","resource":"arn:aws:s3:::b/k","account":"111122223333"`
		yes  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
		no   = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`
		open = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`
		aKey = `"principal":"arn:aws:iam::111122223333:user/u","action":"kms:Decrypt","resource":"arn:aws:kms:eu-west-1:111122223333:key/k"`
		role = `"principal":"arn:aws:iam::111122223333:user/u","action":"sts:AssumeRole","resource":"arn:aws:iam::111122223333:role/T"`
		may  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:*"}]}`
	)
	tagged := func(context string) string {
		return `{` + head + `,"identity":[{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":"org"}}}]}],"context":` + context + `}`
	}
	rows := []struct {
		name, line string
		want       iam.Result
	}{
		{"nothing allows", `{` + head + `}`, iam.ImplicitlyDenied},
		{"identity allows", `{` + head + `,"identity":[` + yes + `]}`, iam.Allowed},
		{"policy in a string", `{` + head + `,"identity":[` + string(mustJSON(t, yes)) + `]}`, iam.Allowed},
		{"identity denies", `{` + head + `,"identity":[` + yes + `,` + no + `]}`, iam.ExplicitlyDenied},
		{"session null is not passed", `{` + head + `,"identity":[` + yes + `],"session":null}`, iam.Allowed},
		{"session empty is passed", `{` + head + `,"identity":[` + yes + `],"session":[]}`, iam.ImplicitlyDenied},
		{"session allows", `{` + head + `,"identity":[` + yes + `],"session":[` + yes + `]}`, iam.Allowed},
		{"boundary empty is none", `{` + head + `,"identity":[` + yes + `],"boundary":[]}`, iam.Allowed},
		{"boundary denies", `{` + head + `,"identity":[` + yes + `],"boundary":[` + no + `]}`, iam.ExplicitlyDenied},
		{"resource policy allows", `{` + head + `,"resourcePolicy":` + open + `}`, iam.Allowed},
		{"anonymous", `{"principal":"anonymous","action":"s3:GetObject","resource":"arn:aws:s3:::b/k","resourcePolicy":` + open + `}`, iam.Allowed},
		{"account in the ARN", `{` + aKey + `,"identity":[` + yes + `],"resourcePolicy":` + open + `}`, iam.Allowed},
		{"key without policy", `{` + aKey + `,"identity":[` + yes + `]}`, iam.ImplicitlyDenied},
		{"keys are listed without a key", `{"principal":"arn:aws:iam::111122223333:user/u","account":"111122223333","action":"kms:ListKeys","resource":"*","identity":[` + yes + `]}`, iam.Allowed},
		{"action of KMS in another case", `{` + strings.Replace(aKey, "kms:Decrypt", "KMS:decrypt", 1) + `,"identity":[` + yes + `]}`, iam.ImplicitlyDenied},
		{"trust delegates, identity allows", `{` + role + `,"identity":[` + yes + `],"resourcePolicy":` + may + `}`, iam.Allowed},
		{"trust delegates, identity does not", `{` + role + `,"resourcePolicy":` + may + `}`, iam.ImplicitlyDenied},
		{"role without trust policy", `{` + role + `,"identity":[` + yes + `]}`, iam.ImplicitlyDenied},
		{"trust goes with its resource", `{` + role + `,"identity":[` + yes + `],"resourcePolicy":` + may + `,"also":[{"action":"sts:TagSession"}]}`, iam.Allowed},
		{"also without a policy of its own", `{` + head + `,"resourcePolicy":` + open + `,"also":[{"resource":"arn:aws:s3:::c/k"}]}`, iam.ImplicitlyDenied},
		{"also with its own policy", `{` + head + `,"resourcePolicy":` + open + `,"also":[{"resource":"arn:aws:s3:::c/k","resourcePolicy":` + open + `}]}`, iam.Allowed},
		{"also with the policy first", `{` + head + `,"also":[{"resourcePolicy":` + open + `,"resource":"arn:aws:s3:::c/k"}],"resourcePolicy":` + open + `}`, iam.Allowed},
		{"also drops the policy", `{` + head + `,"resourcePolicy":` + open + `,"also":[{"resourcePolicy":null}]}`, iam.ImplicitlyDenied},
		{"also is under the identity policies", `{` + head + `,"identity":[` + yes + `],"also":[{"resource":"arn:aws:s3:::c/k"}]}`, iam.Allowed},
		{"also in another account", `{` + head + `,"identity":[` + yes + `],"also":[{"account":"999988887777"}]}`, iam.ImplicitlyDenied},
		{"context string", tagged(`{"AWS:tagkeys":"org"}`), iam.Allowed},
		{"context list", tagged(`{"aws:TagKeys":["team","org"]}`), iam.Allowed},
		{"context empty list is absent", tagged(`{"aws:TagKeys":[]}`), iam.ImplicitlyDenied},
		{"context number", `{` + head + `,"identity":[{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"NumericLessThan":{"s3:max-keys":"10"}}}}],"context":{"s3:max-keys":9}}`, iam.Allowed},
		{"context boolean", `{` + head + `,"identity":[{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}}],"context":{"aws:SecureTransport":true}}`, iam.Allowed},
		{"also replaces the context", strings.TrimSuffix(tagged(`{"aws:TagKeys":"org"}`), "}") + `,"also":[{"context":{"s3:prefix":"x"}}]}`, iam.ImplicitlyDenied},
		{"also inherits the context", strings.TrimSuffix(tagged(`{"aws:TagKeys":"org"}`), "}") + `,"also":[{}]}`, iam.Allowed},
		{"nothing is filled in", `{` + head + `,"identity":[{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Null":{"aws:PrincipalArn":"false"}}}}]}`, iam.ImplicitlyDenied},
		{"path of the role from the context", `{` + head + `,"resourcePolicy":{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/dir/R"},"Action":"s3:*","Resource":"*"}},"context":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/dir/R"}}`, iam.Allowed},
		{"path of another role", `{` + head + `,"resourcePolicy":{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/dir/X"},"Action":"s3:*","Resource":"*"}},"context":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/dir/X"}}`, iam.ImplicitlyDenied},
		{"role of another account", `{` + head + `,"resourcePolicy":{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999988887777:role/R"},"Action":"s3:*","Resource":"*"}},"context":{"aws:PrincipalArn":"arn:aws:iam::999988887777:role/R"}}`, iam.ImplicitlyDenied},

		{"not JSON", `{`, "Error"},
		{"not an object", `[]`, "Error"},
		{"unknown field", `{` + head + `,"sessions":[]}`, "Error"},
		{"duplicate field", `{` + head + `,"action":"s3:PutObject"}`, "Error"},
		{"field of another case", `{` + head + `,"Identity":[]}`, "Error"},
		{"no principal", `{"action":"s3:GetObject","resource":"*"}`, "Error"},
		{"unknown principal", `{"principal":"me","action":"s3:GetObject","resource":"*"}`, "Error"},
		{"no action", `{"principal":"anonymous","resource":"*"}`, "Error"},
		{"action with a wildcard", `{"principal":"anonymous","action":"s3:*","resource":"*"}`, "Error"},
		{"no resource", `{"principal":"anonymous","action":"s3:GetObject"}`, "Error"},
		{"malformed account", `{` + strings.Replace(head, `"account":"111122223333"`, `"account":"1"`, 1) + `}`, "Error"},
		{"malformed identity policy", `{` + head + `,"identity":[{"Version":"2012-10-17"}]}`, "Error"},
		{"malformed policy in a string", `{` + head + `,"identity":["{"]}`, "Error"},
		{"identity is no list", `{` + head + `,"identity":` + yes + `}`, "Error"},
		{"principal in an identity policy", `{` + head + `,"identity":[` + open + `]}`, "Error"},
		{"no principal in a resource policy", `{` + head + `,"resourcePolicy":` + yes + `}`, "Error"},
		{"trust policy for S3", `{` + head + `,"resourcePolicy":` + may + `}`, "Error"},
		{"key twice in context", tagged(`{"aws:TagKeys":"org","AWS:TAGKEYS":"x"}`), "Error"},
		{"null in context", tagged(`{"aws:TagKeys":null}`), "Error"},
		{"object in context", tagged(`{"aws:TagKeys":[{}]}`), "Error"},
		{"also is no list", `{` + head + `,"also":{}}`, "Error"},
		{"hole in also", `{` + head + `,"identity":[` + yes + `],"also":[{},,{}]}`, "Error"},
		{"also closed by another bracket", `{` + head + `,"identity":[` + yes + `],"also":[{}}}`, "Error"},
		{"policies closed by another bracket", `{` + head + `,"identity":[` + yes + `}}`, "Error"},
		{"text after the question", `{` + head + `,"identity":[` + yes + `]} {}`, "Error"},
		{"malformed entry of also", `{` + head + `,"also":[{"identity":[]}]}`, "Error"},
		{"id of a wrong type", `{` + head[len(`"id":"q",`):] + `,"id":{}}`, "Error"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			answers := ask(t, row.line+"\n")
			if len(answers) != 1 {
				t.Fatalf("%d answers", len(answers))
			}
			got := answers[0]
			if got.Result != row.want {
				t.Errorf("result %s, want %s: %+v", got.Result, row.want, got.Because)
			}
			if len(got.Because) == 0 || got.Because[0].Text == "" {
				t.Error("no reason given")
			}
		})
	}
}

func mustJSON(t *testing.T, s string) []byte {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAnswerLinesGoesOn: a line that is no question is answered and does not stop the
// stream; ids come back as they were.
func TestAnswerLinesGoesOn(t *testing.T) {
	t.Parallel()
	const rest = `"principal":"anonymous","action":"s3:GetObject","resource":"*"}`
	lines := strings.Join([]string{
		`{"id":1,` + rest,
		``,
		`{"id":"two","action":7}`,
		"\xff",
		`{"id":"long","x":"` + strings.Repeat("x", iam.MaxQuestionBytes) + `"}`,
		`   `,
		`{"id":"<last>",` + rest,
	}, "\n") // and no newline at the end
	got := ask(t, lines)
	want := []struct {
		id     any
		result iam.Result
	}{
		{1.0, iam.ImplicitlyDenied},
		{"two", "Error"},
		{nil, "Error"},
		{nil, "Error"},
		{"<last>", iam.ImplicitlyDenied},
	}
	if len(got) != len(want) {
		t.Fatalf("%d answers, want %d: %+v", len(got), len(want), got)
	}
	if text := got[3].Because[0].Text; !strings.Contains(text, "longer") {
		t.Errorf("the answer to a line that is too long says %q", text)
	}
	for i, w := range want {
		if got[i].ID != w.id || got[i].Result != w.result {
			t.Errorf("answer %d is %v %s, want %v %s", i, got[i].ID, got[i].Result, w.id, w.result)
		}
	}
}

// TestAnswerLinesAnswersAtOnce: who asks one question at a time gets each answer
// before asking the next.
func TestAnswerLinesAnswersAtOnce(t *testing.T) {
	t.Parallel()
	questions, toAsk := io.Pipe()
	answers, toAnswer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := iam.AnswerLines(questions, toAnswer)
		done <- errors.Join(err, toAnswer.Close())
	}()
	dec := json.NewDecoder(answers)
	for range 3 {
		if _, err := io.WriteString(toAsk, `{"principal":"anonymous","action":"a:B","resource":"*"}`+"\n"); err != nil {
			t.Fatal(err)
		}
		var a answerLine
		if err := dec.Decode(&a); err != nil || a.Result != iam.ImplicitlyDenied {
			t.Fatalf("got %+v, %v", a, err)
		}
	}
	_ = toAsk.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAnswerLinesReportsBrokenStreams(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	questions, toAsk := io.Pipe()
	_ = toAsk.CloseWithError(broken)
	if err := iam.AnswerLines(questions, io.Discard); !errors.Is(err, broken) {
		t.Errorf("reading: %v", err)
	}
	closed, answers := io.Pipe()
	_ = closed.CloseWithError(broken)
	if err := iam.AnswerLines(strings.NewReader("{}\n"), answers); !errors.Is(err, broken) {
		t.Errorf("writing: %v", err)
	}
}
