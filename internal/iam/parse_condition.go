package iam

import "strings"

func (p *statementParser) conditions(v *value) ([]Condition, error) {
	where := p.at("Condition")
	if v.kind != kindObject {
		return nil, malformed(where, "is %s; write an object of operators", v.kind)
	}
	var all []Condition
	for i := range v.list {
		block := &v.list[i]
		op, ok := parseOperator(block.name)
		if !ok {
			return nil, malformed(where, "%q is not a condition operator; operators are case-sensitive", clip(block.name))
		}
		whereOp := p.at("Condition", block.name)
		if block.kind != kindObject || len(block.list) == 0 {
			return nil, malformed(whereOp, "is %s; write an object of condition keys", emptyOr(block))
		}
		var seen nameSet
		for j := range block.list {
			m := &block.list[j]
			if !isConditionKey(m.name) {
				return nil, malformed(whereOp, "%q is not a condition key; write prefix:name", clip(m.name))
			}
			// Keys have no case, so two spellings are the same key twice.
			if seen.add(strings.ToLower(m.name)) != nil {
				return nil, malformed(whereOp, "%q occurs twice; give one key one list of values", clip(m.name))
			}
			values, err := p.conditionValues(p.at("Condition", block.name, m.name), op, m)
			if err != nil {
				return nil, err
			}
			all = append(all, Condition{Operator: block.name, Key: m.name, Values: values})
		}
	}
	return all, nil
}

func (p *statementParser) conditionValues(where place, op operator, v *value) ([]string, error) {
	items := v.list
	if v.kind != kindList {
		items = []value{*v}
	}
	if len(items) == 0 {
		return nil, malformed(where, "has no values; write at least one")
	}
	values := make([]string, 0, len(items))
	for i := range items {
		item := &items[i]
		text, ok := item.scalar()
		if !ok {
			return nil, malformed(where, "holds %s; values are strings, numbers and booleans", item.kind)
		}
		if p.variables && op.compare.takesVariables() && hasVariable(text) {
			if err := checkVariables(text); err != nil {
				return nil, malformed(where, "%q has a malformed variable: %v", clip(text), err)
			}
		} else if err := op.compare.checkValue(text); err != nil {
			return nil, malformed(where, "%q %v", clip(text), err)
		}
		values = append(values, text)
	}
	return values, nil
}

// isConditionKey admits what has a prefix: "aws:userid", and for identity providers
// "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE:sub".
func isConditionKey(key string) bool {
	prefix, name, ok := strings.Cut(key, ":")
	return ok && prefix != "" && name != "" && !hasVariable(key)
}
