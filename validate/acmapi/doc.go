// Package acmapi reads certificates from AWS Certificate Manager: the records that they ask for, and what ACM says of them.
//
//	client, err := acmapi.Load(ctx, acmapi.Settings{}) // credentials by AWS's own chain
//	sources, err := client.Sources(ctx, "arn:aws:acm:eu-west-1:123456789012:certificate/…")
//	for _, s := range sources {
//		report, err := checker.Check(ctx, s.Record)
//		…
//	}
//
// Region and partition come from the ARN: ACM is regional, and a certificate is seen in its own region alone. A whole
// account, several regions and several accounts are read by [Client.All], as a stream.
//
// It reads and never writes. The permissions it needs are acm:DescribeCertificate, for whole accounts acm:ListCertificates,
// and optionally acm:SearchCertificates and acm:ListCertificateDomainValidations. No error holds a secret.
package acmapi
