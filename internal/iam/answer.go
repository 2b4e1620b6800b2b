package iam

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxQuestionBytes is the longest line that AnswerLines reads.
const MaxQuestionBytes = 4 << 20

// answerError is the Result of a question that could not be evaluated.
const answerError Result = "Error"

// answer is one line of output.
type answer struct {
	ID      json.RawMessage
	Result  Result
	Because []Reason
}

// AnswerLines is `managedcasd policy evaluate`: for every line of in that is not
// blank, a question, it writes one line to out, its answer {id, result, because}, in
// the same order. A question is an object with
//
//	id             string or number, repeated in the answer
//	principal      as in Request.Principal; required
//	action         required
//	resource       ARN or "*"; required
//	account        that owns the resource; absent: the one in its ARN, if any
//	context        {key: string, number, boolean, or a list of these}
//	identity       list of policies of the principal
//	session        list of session policies; present, even empty: they were passed
//	boundary       list of policies
//	resourcePolicy policy of the resource
//	also           list of further contexts that must be allowed too, of
//	               {action, resource, account, resourcePolicy, context}
//
// Null is the same as absent. A policy is an object, or a string that holds its JSON.
// What an entry of also leaves out it takes from the question, except that a context
// with a resource of its own has no resource policy unless it gives one: a resource
// policy belongs to its resource. Given, a field replaces that of the question whole.
// Identity, session and boundary policies are the principal's and hold everywhere.
//
// Nothing is filled into context. The resource policy has to allow by itself for
// actions on KMS keys and for assuming roles (PolicySet.RequireResource). A session
// ARN says nothing of its role's path; it is taken from aws:PrincipalArn when that
// names a role of the same account and name.
//
// A line that is not such a question has the result Error and one reason, and does
// not end the stream. Lines that are there together are answered by all cores, and
// lines that come one by one as they come. AnswerLines fails only when reading or writing fails.
func AnswerLines(in io.Reader, out io.Writer) error {
	lines := blockReader{in: in}
	w := bufio.NewWriterSize(out, 64<<10)
	var all answerers
	for {
		block, tooLong, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read question: %w", err)
		}
		if tooLong {
			_, _ = w.Write(appendAnswer(nil, failed(nil, errTooLong)))
		}
		for _, part := range all.answer(block) {
			_, _ = w.Write(part.answers) // fails in Flush
		}
		// Whatever was there to be read is answered: somebody may be waiting for it.
		if err := w.Flush(); err != nil {
			return fmt.Errorf("write answer: %w", err)
		}
	}
}

var errTooLong = fmt.Errorf("the line is longer than %d bytes", MaxQuestionBytes)

// answerer answers questions, one at a time. It keeps the policies that it has seen,
// and what it needs for every question.
type answerer struct {
	policies policyCache
	scratch  scratch
	question question
}

func (a *answerer) answerLine(line string) answer {
	if len(line) > MaxQuestionBytes {
		return failed(nil, errTooLong)
	}
	q, err := a.parseQuestion(line)
	if err != nil {
		return failed(q.id, err)
	}
	if len(q.also) == 0 {
		d := q.decide(&q.main)
		return answer{ID: idOrNull(q.id), Result: d.Result, Because: d.Because}
	}
	decisions := make([]Decision, 0, 1+len(q.also))
	decisions = append(decisions, q.decide(&q.main))
	for i := range q.also {
		decisions = append(decisions, q.decide(&q.also[i]))
	}
	d := All(decisions...)
	return answer{ID: idOrNull(q.id), Result: d.Result, Because: d.Because}
}

func failed(id json.RawMessage, err error) answer {
	return answer{ID: idOrNull(id), Result: answerError, Because: []Reason{{
		Statement: -1,
		Text:      "The question cannot be answered: " + err.Error() + ".",
	}}}
}

func idOrNull(id json.RawMessage) json.RawMessage {
	if id == nil {
		return json.RawMessage("null")
	}
	return id
}
