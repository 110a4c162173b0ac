package millrace.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PoolTest {
  private final List<Object> closed = new ArrayList<>();
  private final Pool<String, Object> pool = new Pool<>(closed::add);

  @Test
  void sharesOneValueOfAKey() {
    try (var first = pool.lease("a", Object::new); var second = pool.lease("a", Object::new); var other = pool.lease("b", Object::new)) {
      assertSame(first.value(), second.value());
      assertNotSame(first.value(), other.value());
    }
    assertEquals(List.of(), closed);
  }

  @Test
  void opensAnotherWhenOneIsDiscarded() {
    try (var first = pool.lease("a", Object::new); var second = pool.lease("a", Object::new)) {
      first.discard();
      second.discard();
      assertEquals(List.of(first.value()), closed);
      try (var third = pool.lease("a", Object::new)) {
        assertNotSame(first.value(), third.value());
      }
    }
  }

  @Test
  void keepsNothingOfAFailure() {
    assertThrows(IllegalStateException.class, () -> pool.lease("a", () -> {
      throw new IllegalStateException();
    }));
    try (var lease = pool.lease("a", Object::new)) {
      assertEquals(Object.class, lease.value().getClass());
    }
  }
}
