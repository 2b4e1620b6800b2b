package iam

// verdict is the outcome of a comparison that may have no outcome.
type verdict uint8

const (
	no verdict = iota
	yes
	undecided
)

func verdictOf(b bool) verdict {
	if b {
		return yes
	}
	return no
}

// decided is verdictOf unless an error made the question meaningless.
func decided(b bool, errs ...error) verdict {
	for _, err := range errs {
		if err != nil {
			return undecided
		}
	}
	return verdictOf(b)
}

// conditionsHold reports whether all conditions of a statement hold. Where AWS
// documents no answer (a value that is not of the operator's type, an operator that
// does not exist, several values without a set operator) the answer is the one that
// denies: the condition of an Allow fails, that of a Deny holds.
func conditionsHold(conditions []Condition, effect Effect, ctx Context, variables bool) bool {
	for i := range conditions {
		if !conditionHolds(&conditions[i], effect, ctx, variables) {
			return false
		}
	}
	return true
}

func conditionHolds(c *Condition, effect Effect, ctx Context, variables bool) bool {
	whenUndecided := effect != Allow
	op, ok := parseOperator(c.Operator)
	if !ok || len(c.Values) == 0 {
		return whenUndecided
	}
	got, present := ctx.Get(c.Key)
	if op.compare == keyAbsent {
		if present && allEmpty(got) {
			// AWS: false means that the key exists "and its value is not null", and to a set
			// operator an empty string is null. Whether it is to Null is not said.
			return whenUndecided
		}
		return nullHolds(c.Values, present, whenUndecided)
	}
	if op.quantifier != unqualified && allEmpty(got) {
		present = false // AWS: an empty string is an empty set to a set operator
	}
	if !present {
		return op.holdsWithoutKey()
	}
	every := op.quantifier == forAllValues
	if op.quantifier == unqualified {
		// AWS requires a set operator for a key with several values, and does not say
		// what happens without: an Allow needs all of them, a Deny one.
		every = effect == Allow
	}
	for _, value := range got {
		holds := whenUndecided
		if v := op.holdsFor(value, c.Values, ctx, variables); v != undecided {
			holds = v == yes
		}
		if holds != every {
			return holds
		}
	}
	return every
}

// holdsWithoutKey is the outcome for a key that the request does not have (facts AWS
// §3.4). That a negated operator then holds is what makes a Deny with StringNotLike
// catch requests that lack the key.
func (op operator) holdsWithoutKey() bool {
	switch {
	case op.ifExists || op.quantifier == forAllValues:
		return true
	case op.quantifier == forAnyValue:
		return false
	}
	return op.negated
}

// holdsFor reports whether one value of the request satisfies the operator: it
// equals any of the policy's values, or none of them when the operator is negated.
func (op operator) holdsFor(got string, wanted []string, ctx Context, variables bool) verdict {
	result := no
	for _, want := range wanted {
		if variables && op.compare.takesVariables() {
			resolved, ok := expand(want, ctx, op.compare.takesPatterns())
			if !ok {
				// An unresolvable value matches nothing. For a negated operator that would
				// be a reason to hold; AWS calls such a statement invalid.
				if op.negated {
					result = undecided
				}
				continue
			}
			want = resolved
		}
		switch op.compare.match(want, got) {
		case yes:
			return verdictOf(!op.negated)
		case undecided:
			result = undecided
		}
	}
	if result == undecided {
		return undecided
	}
	return verdictOf(op.negated)
}

func nullHolds(wanted []string, present, whenUndecided bool) bool {
	undecidable := false
	for _, want := range wanted {
		absent, err := parseBool(want)
		if err != nil {
			undecidable = true
		} else if absent != present {
			return true
		}
	}
	return undecidable && whenUndecided
}

func allEmpty(values []string) bool {
	for _, v := range values {
		if v != "" {
			return false
		}
	}
	return true
}
