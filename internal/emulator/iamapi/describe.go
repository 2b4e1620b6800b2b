package iamapi

import (
	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
)

// The shapes of the IAM API reference, with their elements' names.

type roleXML struct {
	Path                     string
	RoleName                 string
	RoleId                   string
	Arn                      string
	CreateDate               awsquery.Time
	AssumeRolePolicyDocument string
	Description              string `xml:",omitempty"`
	MaxSessionDuration       int    // seconds
	PermissionsBoundary      *boundaryXML
	Tags                     *awsquery.List[awsquery.Tag]
	RoleLastUsed             *struct{} // GetRole only; use is not recorded
}

type userXML struct {
	Path                string
	UserName            string
	UserId              string
	Arn                 string
	CreateDate          awsquery.Time
	PermissionsBoundary *boundaryXML
	Tags                *awsquery.List[awsquery.Tag]
}

type boundaryXML struct {
	PermissionsBoundaryType string
	PermissionsBoundaryArn  string
}

type policyXML struct {
	PolicyName                    string
	PolicyId                      string
	Arn                           string
	Path                          string
	DefaultVersionId              string
	AttachmentCount               int
	PermissionsBoundaryUsageCount int
	IsAttachable                  bool
	Description                   string `xml:",omitempty"`
	CreateDate                    awsquery.Time
	UpdateDate                    awsquery.Time
	Tags                          *awsquery.List[awsquery.Tag]
}

func (s *Service) describeRole(r directory.Role) (roleXML, error) {
	trust, err := s.trustText(r.Trust)
	return roleXML{
		Path:                     r.Path,
		RoleName:                 r.Name,
		RoleId:                   r.ID,
		Arn:                      r.ARN,
		CreateDate:               awsquery.Time(r.Created),
		AssumeRolePolicyDocument: encoded(trust),
		Description:              r.Description,
		MaxSessionDuration:       int(r.MaxSessionDuration.Seconds()),
		PermissionsBoundary:      describeBoundary(r.Boundary),
		Tags:                     describeTags(r.Tags),
	}, err
}

func describeUser(u directory.User) userXML {
	return userXML{
		Path:                u.Path,
		UserName:            u.Name,
		UserId:              u.ID,
		Arn:                 u.ARN,
		CreateDate:          awsquery.Time(u.Created),
		PermissionsBoundary: describeBoundary(u.Boundary),
		Tags:                describeTags(u.Tags),
	}
}

func describePolicy(tx directory.Tx, p directory.Policy) (policyXML, error) {
	attached, err := directory.UsersOf(tx, p.ARN, directory.Attached)
	if err != nil {
		return policyXML{}, err
	}
	bounded, err := directory.UsersOf(tx, p.ARN, directory.Boundary)
	return policyXML{
		PolicyName:                    p.Name,
		PolicyId:                      p.ID,
		Arn:                           p.ARN,
		Path:                          p.Path,
		DefaultVersionId:              p.Default,
		AttachmentCount:               len(attached),
		PermissionsBoundaryUsageCount: len(bounded),
		IsAttachable:                  true,
		Description:                   p.Description,
		CreateDate:                    awsquery.Time(p.Created),
		UpdateDate:                    awsquery.Time(p.Updated),
		Tags:                          describeTags(p.Tags),
	}, err
}

func describeBoundary(arn string) *boundaryXML {
	if arn == "" {
		return nil
	}
	return &boundaryXML{PermissionsBoundaryType: "Policy", PermissionsBoundaryArn: arn}
}

func describeTags(tags map[string]string) *awsquery.List[awsquery.Tag] {
	if len(tags) == 0 {
		return nil
	}
	list := awsquery.Of(tagList(tags))
	return &list
}
