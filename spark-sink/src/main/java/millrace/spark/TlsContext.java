package millrace.spark;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.KeySpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Cipher;
import javax.crypto.EncryptedPrivateKeyInfo;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/** Whom to trust and who we are, from PEM files or a trust store. */
final class TlsContext {
  private static final Pattern PEM_KEY =
      Pattern.compile("-----BEGIN (ENCRYPTED )?PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END (?:ENCRYPTED )?PRIVATE KEY-----");

  private static final char[] NO_PASSWORD = new char[0];

  private TlsContext() {}

  /** @throws SinkException CONFIG_INVALID for a file that cannot be read or used */
  static SSLContext of(Settings.Tls tls) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(keyManagers(tls), trustManagers(tls), null);
      return context;
    } catch (GeneralSecurityException | IOException | IllegalArgumentException error) {
      throw new SinkException("CONFIG_INVALID", "option tls: " + error, error);
    }
  }

  /** Null, which means Java's own authorities, unless others are given. */
  private static TrustManager[] trustManagers(Settings.Tls tls) throws GeneralSecurityException, IOException {
    if (tls.ca() == null && tls.trustStore() == null) return null;
    TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(tls.ca() == null ? trustStore(tls) : storeOf(certificates(tls.ca())));
    return factory.getTrustManagers();
  }

  private static KeyStore trustStore(Settings.Tls tls) throws GeneralSecurityException, IOException {
    char[] password = tls.trustStorePassword() == null ? null : tls.trustStorePassword().toCharArray();
    return KeyStore.getInstance(Path.of(tls.trustStore()).toFile(), password);
  }

  private static KeyStore storeOf(Collection<? extends Certificate> authorities) throws GeneralSecurityException, IOException {
    KeyStore store = emptyStore();
    int number = 0;
    for (Certificate authority : authorities) store.setCertificateEntry("ca" + number++, authority);
    return store;
  }

  private static KeyManager[] keyManagers(Settings.Tls tls) throws GeneralSecurityException, IOException {
    if (tls.cert() == null) return null;
    KeyStore store = emptyStore();
    Certificate[] chain = certificates(tls.cert()).toArray(Certificate[]::new);
    store.setKeyEntry("key", privateKey(tls), NO_PASSWORD, chain);
    KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, NO_PASSWORD);
    return factory.getKeyManagers();
  }

  private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }

  private static Collection<? extends Certificate> certificates(String file) throws GeneralSecurityException, IOException {
    byte[] pem = Files.readAllBytes(Path.of(file));
    return CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(pem));
  }

  private static PrivateKey privateKey(Settings.Tls tls) throws GeneralSecurityException, IOException {
    Matcher pem = PEM_KEY.matcher(Files.readString(Path.of(tls.key()), StandardCharsets.US_ASCII));
    if (!pem.find()) throw new IllegalArgumentException(tls.key() + " holds no key in PKCS #8 (BEGIN PRIVATE KEY)");
    byte[] bytes = Base64.getMimeDecoder().decode(pem.group(2));
    KeySpec spec = pem.group(1) == null ? new PKCS8EncodedKeySpec(bytes) : decrypted(tls, bytes);
    for (String algorithm : List.of("RSA", "EC", "Ed25519")) {
      try {
        return KeyFactory.getInstance(algorithm).generatePrivate(spec);
      } catch (InvalidKeySpecException error) {
        // Only one of them fits; the file does not say which.
      }
    }
    throw new IllegalArgumentException(tls.key() + " is neither an RSA, an EC nor an Ed25519 key");
  }

  private static KeySpec decrypted(Settings.Tls tls, byte[] bytes) throws GeneralSecurityException {
    if (tls.keyPassword() == null) throw new IllegalArgumentException("the key is encrypted, and tls.keyPassword is not given");
    EncryptedPrivateKeyInfo encrypted = encryptedKey(tls.key(), bytes);
    // For PBES2 the parameters, not the name, say which algorithm it is.
    String name = encrypted.getAlgParameters() == null ? encrypted.getAlgName() : encrypted.getAlgParameters().toString();
    Cipher cipher = Cipher.getInstance(name);
    PBEKeySpec secret = new PBEKeySpec(tls.keyPassword().toCharArray());
    cipher.init(Cipher.DECRYPT_MODE, SecretKeyFactory.getInstance(name).generateSecret(secret), encrypted.getAlgParameters());
    return encrypted.getKeySpec(cipher);
  }

  /** Java reads keys that are encrypted with AES; what other programs make may be encrypted with DES. */
  private static EncryptedPrivateKeyInfo encryptedKey(String file, byte[] bytes) {
    try {
      return new EncryptedPrivateKeyInfo(bytes);
    } catch (IOException error) {
      String fix = "encrypt it anew: openssl pkcs8 -topk8 -v2 aes-256-cbc";
      throw new IllegalArgumentException(file + " is encrypted in a way that Java does not read (" + error.getMessage() + "); " + fix, error);
    }
  }
}
