package s3api

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// level is what an operation is about.
type level int

const (
	onAccount level = iota
	onBucket
	onObject
)

// shape is how a request for an operation looks.
type shape struct {
	method string
	level  level
	// selectors are the names of the query parameters that tell operations on the same
	// path apart, in alphabetical order, joined by "&".
	selectors string
	copies    bool // the request names a source to copy from
}

// operation is one operation of the S3 API.
type operation struct {
	shape
	name string
	// viaAccessPoint: AWS serves the operation through access points (facts AWS §1.3).
	viaAccessPoint bool
	serve          func(*Service, context.Context, *call) error // nil: not implemented
}

// router finds operations.
type router struct {
	operations map[shape]operation
	selectors  []string // all that there are, in alphabetical order
}

func newRouter() router {
	rt := router{operations: map[shape]operation{}}
	for _, op := range slices.Concat(bucketOperations(), objectOperations(), unsetOperations(), aclOperations(), unimplemented()) {
		rt.operations[op.shape] = op
		if op.selectors != "" {
			rt.selectors = append(rt.selectors, strings.Split(op.selectors, "&")...)
		}
	}
	slices.Sort(rt.selectors)
	rt.selectors = slices.Compact(rt.selectors)
	return rt
}

// match returns the operation that r asks for. A request that selects two things at
// once matches none: whichever were served, the other would be ignored silently.
func (rt router) match(r *http.Request, at address) (operation, bool) {
	query := r.URL.Query()
	var found []string
	for _, s := range rt.selectors {
		if query.Has(s) {
			found = append(found, s)
		}
	}
	want := shape{
		method:    r.Method,
		selectors: strings.Join(found, "&"),
		copies:    r.Header.Get("X-Amz-Copy-Source") != "",
	}
	switch {
	case at.hasKey:
		want.level = onObject
	case !at.empty():
		want.level = onBucket
	}
	op, ok := rt.operations[want]
	return op, ok
}
