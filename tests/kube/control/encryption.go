package control

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiserver "k8s.io/apiserver/pkg/apis/apiserver/v1"

	"clustr/kube/config"
	"clustr/kube/layout"
)

// encryptionConfig makes the key for secrets at rest once, as k3s's server/cred/encryption-config.json.
func encryptionConfig(c *config.Config) error {
	path := c.Dir().Cred("encryption-config.json")
	if _, err := os.Stat(path); err == nil || !c.SecretsEncryption {
		return nil
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	text, err := json.Marshal(apiserver.EncryptionConfiguration{
		TypeMeta: metav1.TypeMeta{Kind: "EncryptionConfiguration", APIVersion: "apiserver.config.k8s.io/v1"},
		Resources: []apiserver.ResourceConfiguration{{
			Resources: []string{"secrets"},
			Providers: []apiserver.ProviderConfiguration{
				{AESCBC: &apiserver.AESConfiguration{Keys: []apiserver.Key{
					{Name: "aescbckey", Secret: base64.StdEncoding.EncodeToString(key)},
				}}},
				{Identity: &apiserver.IdentityConfiguration{}},
			},
		}},
	})
	if err != nil {
		return err
	}
	return layout.Write(path, text, 0o600)
}
