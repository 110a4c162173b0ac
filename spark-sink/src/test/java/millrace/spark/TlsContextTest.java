package millrace.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyStore;
import java.util.Base64;
import java.util.HexFormat;
import java.util.concurrent.CompletableFuture;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TlsContextTest {
  private static final String PASSWORD = "secret";
  private static final String ENCRYPTION = "PBEWithHmacSHA256AndAES_256";

  @TempDir static Path directory;

  /** A certificate that vouches for itself, as files of every kind. */
  @BeforeAll
  static void makeFiles() throws Exception {
    for (String algorithm : new String[] {"RSA", "EC"}) makeFiles(algorithm);
  }

  private static void makeFiles(String algorithm) throws Exception {
    Path store = directory.resolve(algorithm + ".p12");
    String keytool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
    String[] command = {
      keytool, "-genkeypair", "-alias", "it", "-keyalg", algorithm, "-dname", "CN=test", "-storetype", "PKCS12", "-keystore", store.toString(),
      "-storepass", PASSWORD
    };
    assertEquals(0, new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(directory.resolve("keytool.txt").toFile()).start().waitFor());
    KeyStore keys = KeyStore.getInstance(store.toFile(), PASSWORD.toCharArray());
    Key key = keys.getKey("it", PASSWORD.toCharArray());
    write(algorithm + ".crt", "CERTIFICATE", keys.getCertificate("it").getEncoded());
    write(algorithm + ".key", "PRIVATE KEY", key.getEncoded());
    write(algorithm + ".encrypted.key", "ENCRYPTED PRIVATE KEY", encrypted(key.getEncoded()));
  }

  private static byte[] encrypted(byte[] key) throws GeneralSecurityException, IOException {
    SecretKey secret = SecretKeyFactory.getInstance(ENCRYPTION).generateSecret(new PBEKeySpec(PASSWORD.toCharArray()));
    Cipher cipher = Cipher.getInstance(ENCRYPTION);
    cipher.init(Cipher.ENCRYPT_MODE, secret);
    // Java reads this form (PBES2) and cannot write it.
    byte[] algorithm = der(0x30, der(0x06, HexFormat.of().parseHex("2a864886f70d01050d")), cipher.getParameters().getEncoded());
    return der(0x30, algorithm, der(0x04, cipher.doFinal(key)));
  }

  private static byte[] der(int tag, byte[]... parts) throws IOException {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    for (byte[] part : parts) content.write(part);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.write(tag);
    if (content.size() > 255) all.write(new byte[] {(byte) 0x82, (byte) (content.size() >> 8)});
    else if (content.size() > 127) all.write(0x81);
    all.write(content.size());
    content.writeTo(all);
    return all.toByteArray();
  }

  private static void write(String name, String label, byte[] bytes) throws IOException {
    String body = Base64.getMimeEncoder().encodeToString(bytes);
    Files.writeString(directory.resolve(name), "-----BEGIN " + label + "-----\n" + body + "\n-----END " + label + "-----\n");
  }

  private static String file(String name) {
    return directory.resolve(name).toString();
  }

  private static Settings.Tls mutual(String algorithm) {
    return new Settings.Tls(file(algorithm + ".crt"), file(algorithm + ".crt"), file(algorithm + ".key"), null, null, null);
  }

  /** What a node that asks for certificates says to a client. */
  private static void shake(Settings.Tls server, Settings.Tls client) throws Exception {
    SSLContext serverContext = TlsContext.of(server);
    InetAddress here = InetAddress.getLoopbackAddress();
    try (SSLServerSocket listening = (SSLServerSocket) serverContext.getServerSocketFactory().createServerSocket(0, 1, here)) {
      listening.setNeedClientAuth(true);
      CompletableFuture<Void> answered =
          CompletableFuture.runAsync(
              () -> {
                try (SSLSocket socket = (SSLSocket) listening.accept()) {
                  socket.getOutputStream().write(socket.getInputStream().read());
                } catch (IOException error) {
                  // The client fails too.
                }
              });
      try (SSLSocket socket = (SSLSocket) TlsContext.of(client).getSocketFactory().createSocket(here, listening.getLocalPort())) {
        socket.getOutputStream().write(7);
        assertEquals(7, socket.getInputStream().read());
      } finally {
        answered.join();
      }
    }
  }

  @Test
  void trustsAnAuthorityFromAFileAndShowsItsOwnCertificate() throws Exception {
    shake(mutual("RSA"), mutual("RSA"));
    shake(mutual("EC"), mutual("EC"));
  }

  @Test
  void takesAnEncryptedKeyAndATrustStore() throws Exception {
    shake(mutual("EC"), new Settings.Tls(null, file("EC.crt"), file("EC.encrypted.key"), PASSWORD, file("EC.p12"), PASSWORD));
  }

  @Test
  void trustsNobodyElse() {
    assertThrows(SSLException.class, () -> shake(mutual("RSA"), new Settings.Tls(null, null, null, null, null, null)));
  }

  @Test
  void saysWhichFileIsWrong() {
    Settings.Tls absent = new Settings.Tls(file("absent.crt"), null, null, null, null, null);
    assertTrue(assertThrows(SinkException.class, () -> TlsContext.of(absent)).getMessage().contains("absent.crt"));
    Settings.Tls noKey = new Settings.Tls(null, file("EC.crt"), file("EC.crt"), null, null, null);
    assertTrue(assertThrows(SinkException.class, () -> TlsContext.of(noKey)).getMessage().contains("holds no key in PKCS #8"));
    Settings.Tls locked = new Settings.Tls(null, file("EC.crt"), file("EC.encrypted.key"), null, null, null);
    assertTrue(assertThrows(SinkException.class, () -> TlsContext.of(locked)).getMessage().contains("tls.keyPassword is not given"));
  }

  @Test
  void saysHowToEncryptAKeyThatJavaDoesNotRead() throws Exception {
    byte[] key = encrypted(KeyStore.getInstance(directory.resolve("EC.p12").toFile(), PASSWORD.toCharArray()).getKey("it", PASSWORD.toCharArray()).getEncoded());
    String hex = HexFormat.of().formatHex(key);
    String aes = "60864801650304012a";
    assertTrue(hex.contains(aes));
    write("other.key", "ENCRYPTED PRIVATE KEY", HexFormat.of().parseHex(hex.replace(aes, "608648016503040163")));
    Settings.Tls other = new Settings.Tls(null, file("EC.crt"), file("other.key"), PASSWORD, null, null);
    String message = assertThrows(SinkException.class, () -> TlsContext.of(other)).getMessage();
    assertTrue(message.contains("other.key is encrypted in a way that Java does not read"), message);
    assertTrue(message.contains("openssl pkcs8 -topk8 -v2 aes-256-cbc"), message);
  }
}
