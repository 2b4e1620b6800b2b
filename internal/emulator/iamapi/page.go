package iamapi

import (
	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/pagetoken"
)

// page is the part of a list that a request asks for: up to max items, after a key.
type page struct {
	max   int
	after string
}

// pageEnd is how a list says where to go on. A Marker is there only when IsTruncated.
type pageEnd struct {
	IsTruncated bool
	Marker      string `xml:",omitempty"`
}

// readPage reads MaxItems (1 to 1000, 100 by default) and Marker.
func readPage(c *call) page {
	pg := page{max: c.Int("MaxItems", 1, 1000, 100)}
	marker := c.Text("Marker", awsquery.Limits{Min: 1, Max: 1024})
	if marker == "" {
		return pg
	}
	after, ok := pagetoken.Read("iam", marker)
	if !ok {
		c.Violate("Marker", marker, "Member must be a Marker of an earlier answer")
	}
	pg.after = after
	return pg
}

// collector takes the items of a list in order of their keys and keeps those of one
// page.
type collector[T any] struct {
	page
	items []T
	last  string
	more  bool
}

// add offers an item and reports whether the page can take another one.
func (l *collector[T]) add(key string, item T) bool {
	if l.after != "" && key <= l.after {
		return true
	}
	if len(l.items) == l.max {
		l.more = true
		return false
	}
	l.items, l.last = append(l.items, item), key
	return true
}

func (l *collector[T]) end() pageEnd {
	if !l.more {
		return pageEnd{}
	}
	return pageEnd{IsTruncated: true, Marker: pagetoken.Make("iam", l.last)}
}
