package iamapi

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
)

type policyEntityXML struct {
	RoleName string `xml:",omitempty"`
	RoleId   string `xml:",omitempty"`
	UserName string `xml:",omitempty"`
	UserId   string `xml:",omitempty"`
}

type listEntitiesResult struct {
	PolicyGroups awsquery.List[struct{}]
	PolicyUsers  awsquery.List[policyEntityXML]
	PolicyRoles  awsquery.List[policyEntityXML]
	pageEnd
}

func (s *Service) listEntities(ctx context.Context, c *call) (any, error) {
	filter := c.Choice("EntityFilter", "", "User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy")
	usage := c.Choice("PolicyUsageFilter", "", "PermissionsPolicy", "PermissionsBoundary")
	pg := readPage(c)
	p, err := s.authorizePolicy(ctx, c)
	if err != nil {
		return nil, err
	}
	list := collector[directory.Entity]{page: pg}
	var result listEntitiesResult
	err = s.dir.View(func(tx directory.Tx) error {
		entities, err := entitiesOf(tx, p.ARN, usage)
		if err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(entities)) {
			if e := entities[key]; filter == "" || strings.EqualFold(filter, e.Kind) {
				list.add(key, e)
			}
		}
		for _, e := range list.items {
			if e.Kind == directory.KindRole {
				principal, err := role().get(tx, e.Name)
				if err != nil {
					return err
				}
				result.PolicyRoles.Members = append(result.PolicyRoles.Members,
					policyEntityXML{RoleName: principal.Name, RoleId: principal.ID})
				continue
			}
			principal, err := user().get(tx, e.Name)
			if err != nil {
				return err
			}
			result.PolicyUsers.Members = append(result.PolicyUsers.Members,
				policyEntityXML{UserName: principal.Name, UserId: principal.ID})
		}
		return nil
	})
	result.pageEnd = list.end()
	return result, err
}

// entitiesOf returns who uses a policy, once also if in both ways, by the keys of a list.
func entitiesOf(tx directory.Tx, arn, usage string) (map[string]directory.Entity, error) {
	uses := map[string][]directory.Use{
		"":                    {directory.Attached, directory.Boundary},
		"PermissionsPolicy":   {directory.Attached},
		"PermissionsBoundary": {directory.Boundary},
	}
	entities := map[string]directory.Entity{}
	for _, use := range uses[usage] {
		some, err := directory.UsersOf(tx, arn, use)
		if err != nil {
			return nil, err
		}
		for _, e := range some {
			entities[e.Kind+"/"+strings.ToLower(e.Name)] = e
		}
	}
	return entities, nil
}
