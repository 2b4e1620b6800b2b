package awsquery

import (
	"slices"
	"strconv"
	"strings"
)

// Members returns the parameter names of a list's entries in the order of their
// numbers: for "Tags" the names "Tags.member.1", "Tags.member.2", …. Gaps are
// closed, as a skipped number must not hide what follows it: a list of session
// policies that lost its tail would be a wider session.
func (p *Params) Members(list string) []string {
	prefix := list + ".member."
	var numbers []int
	for name := range p.form {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		digits, _, _ := strings.Cut(rest, ".")
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 || strconv.Itoa(n) != digits {
			p.Violate(list, rest, "Member must be numbered from 1")
			continue
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	names := make([]string, len(numbers))
	for i, n := range numbers {
		names[i] = prefix + strconv.Itoa(n)
	}
	return names
}

// Texts returns a list of plain values of at most max entries.
func (p *Params) Texts(list string, max int, limits Limits) []string {
	members := p.Bounded(list, max)
	values := make([]string, 0, len(members))
	for _, name := range members {
		values = append(values, p.Text(name, limits))
	}
	return values
}

// Tag is a key with a value.
type Tag struct {
	Key   string `xml:"Key"`
	Value string `xml:"Value"`
}

// maxTags is the quota of tags on an IAM resource and on a session.
const maxTags = 50

// Tags returns the entries of a list of tags within the limits of IAM and STS: at
// most 50, keys of 1 to 128 and values of 0 to 256 characters, keys without the
// reserved prefix "aws:".
func (p *Params) Tags(list string) []Tag {
	members := p.Bounded(list, maxTags)
	tags := make([]Tag, 0, len(members))
	for _, name := range members {
		tag := Tag{
			Key:   p.Text(name+".Key", TagKey),
			Value: p.Text(name+".Value", Limits{Required: true, Max: 256, Match: tagText, Pattern: `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`}),
		}
		if len(tag.Key) >= 4 && strings.EqualFold(tag.Key[:4], "aws:") {
			p.Violate(name+".Key", tag.Key, "Member must not begin with aws:")
		}
		tags = append(tags, tag)
	}
	return tags
}

// Bounded is Members of a list that may have at most max entries; more are a violation.
func (p *Params) Bounded(list string, max int) []string {
	members := p.Members(list)
	if len(members) > max {
		p.Violate(list, "["+strconv.Itoa(len(members))+" entries]",
			"Member must have length less than or equal to "+strconv.Itoa(max))
		return members[:max]
	}
	return members
}
