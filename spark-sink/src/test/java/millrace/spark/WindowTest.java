package millrace.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class WindowTest {
  @Test
  void growsByOneForEachWindowFullOfAnswersUpToItsLimit() {
    Window window = new Window(8);
    assertEquals(4, window.size());
    for (int answer = 0; answer < 5; answer++) window.answered(window.size());
    assertEquals(5, window.size());
    for (int answer = 0; answer < 1_000; answer++) window.answered(window.size());
    assertEquals(8, window.size());
  }

  @Test
  void staysWhileFewRequestsAreOnTheirWay() {
    Window window = new Window(8);
    for (int answer = 0; answer < 100; answer++) window.answered(3);
    assertEquals(4, window.size());
  }

  @Test
  void isHalvedByAnOverloadAndNeverCloses() {
    Window window = new Window(8);
    window.overloaded();
    assertEquals(2, window.size());
    for (int times = 0; times < 10; times++) window.overloaded();
    assertEquals(1, window.size());
  }
}
