package iam

import (
	"bufio"
	"bytes"
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
// not end the stream. AnswerLines fails only when reading or writing fails.
func AnswerLines(in io.Reader, out io.Writer) error {
	lines := bufio.NewReaderSize(in, 64<<10)
	w := bufio.NewWriterSize(out, 64<<10)
	var cache policyCache
	var buf []byte
	for {
		line, tooLong, err := readLine(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return errors.Join(fmt.Errorf("read question: %w", err), w.Flush())
		}
		if tooLong || len(bytes.TrimSpace(line)) > 0 {
			buf = appendAnswer(buf[:0], cache.answerLine(line, tooLong))
			if _, writeErr := w.Write(buf); writeErr != nil {
				return fmt.Errorf("write answer: %w", writeErr)
			}
		}
		if err != nil || lines.Buffered() == 0 {
			// Nothing more is waiting: somebody may be, for the answer.
			if flushErr := w.Flush(); flushErr != nil {
				return fmt.Errorf("write answer: %w", flushErr)
			}
		}
		if err != nil {
			return nil
		}
	}
}

// readLine reads up to the next newline. The line is good until the next read. Of one
// that is too long it keeps nothing.
func readLine(r *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		chunk, err := r.ReadSlice('\n')
		if !tooLong && len(line)+len(chunk) > MaxQuestionBytes {
			line, tooLong = nil, true
		}
		more := err != nil && errors.Is(err, bufio.ErrBufferFull)
		switch {
		case tooLong:
		case line == nil && !more:
			line = chunk // the usual case: no need to put it together
		default:
			line = append(line, chunk...)
		}
		if !more {
			return line, tooLong, err
		}
	}
}

func (c *policyCache) answerLine(line []byte, tooLong bool) answer {
	if tooLong {
		return failed(nil, fmt.Errorf("the line is longer than %d bytes", MaxQuestionBytes))
	}
	q, err := parseQuestion(c, string(line))
	if err != nil {
		return failed(q.id, err)
	}
	if len(q.also) == 0 {
		d := q.decide(q.main)
		return answer{ID: idOrNull(q.id), Result: d.Result, Because: d.Because}
	}
	decisions := make([]Decision, 0, 1+len(q.also))
	decisions = append(decisions, q.decide(q.main))
	for _, c := range q.also {
		decisions = append(decisions, q.decide(c))
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
