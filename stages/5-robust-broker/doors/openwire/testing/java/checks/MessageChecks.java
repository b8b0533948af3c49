import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.jms.BytesMessage;
import javax.jms.Connection;
import javax.jms.DeliveryMode;
import javax.jms.MapMessage;
import javax.jms.Message;
import javax.jms.MessageConsumer;
import javax.jms.MessageProducer;
import javax.jms.ObjectMessage;
import javax.jms.Queue;
import javax.jms.Session;
import javax.jms.StreamMessage;
import javax.jms.TextMessage;
import javax.jms.Topic;

/** What messages are made of. */
final class MessageChecks extends Harness {
    private static final String ODD_TEXT = "a\u0000é€\uD83D\uDE42 \uFFFF";

    static void all() throws Exception {
        check("every kind of body comes back", () -> bodies(""));
        check("every kind of body comes back that was sent compressed", () -> bodies("?jms.useCompression=true"));
        check("long texts and bytes come back", MessageChecks::longBodies);
        check("properties of every type come back", MessageChecks::properties);
        check("headers come back", MessageChecks::headers);
        check("a message group is the key", MessageChecks::group);
        check("higher priorities come first", MessageChecks::priority);
        check("what has expired is not delivered", MessageChecks::expiry);
        check("a delayed message comes later", MessageChecks::delay);
    }

    private static Message there(Connection connection, MessageMaker maker) throws Exception {
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        session.createProducer(queue).send(maker.make(session));
        Message message = session.createConsumer(queue).receive(WAIT_MS);
        session.close();
        return message;
    }

    interface MessageMaker {
        Message make(Session session) throws Exception;
    }

    private static void bodies(String options) throws Exception {
        Connection connection = connect(options);
        equal(ODD_TEXT, textOf(there(connection, session -> session.createTextMessage(ODD_TEXT))));
        equal("", textOf(there(connection, session -> session.createTextMessage(""))));
        equal(null, textOf(there(connection, session -> session.createTextMessage())));
        BytesMessage bytes = (BytesMessage) there(connection, session -> {
            BytesMessage message = session.createBytesMessage();
            message.writeBytes(new byte[] {0, -1, 127});
            message.writeUTF("é");
            message.writeLong(Long.MIN_VALUE);
            return message;
        });
        byte[] three = new byte[3];
        equal(3, bytes.readBytes(three));
        equal(new byte[] {0, -1, 127}, three);
        equal("é", bytes.readUTF());
        equal(Long.MIN_VALUE, bytes.readLong());
        map(connection);
        stream(connection);
        ObjectMessage object = (ObjectMessage) there(connection, session -> session.createObjectMessage("any object"));
        equal("any object", object.getObject());
        Message plain = there(connection, Session::createMessage);
        truth(!(plain instanceof TextMessage) && !(plain instanceof BytesMessage), "a plain message is " + plain.getClass());
        connection.close();
    }

    private static void map(Connection connection) throws Exception {
        Map<String, Object> inner = new HashMap<>();
        inner.put("list", Arrays.asList(1, "two", 3L));
        MapMessage map = (MapMessage) there(connection, session -> {
            MapMessage message = session.createMapMessage();
            message.setBoolean("boolean", true);
            message.setByte("byte", (byte) -1);
            message.setShort("short", Short.MIN_VALUE);
            message.setChar("char", 'é');
            message.setInt("int", Integer.MIN_VALUE);
            message.setLong("long", Long.MAX_VALUE);
            message.setFloat("float", 0.1f);
            message.setDouble("double", Double.MIN_VALUE);
            message.setString("string", ODD_TEXT);
            message.setBytes("bytes", new byte[] {1, 2});
            message.setObject("null", null);
            message.setObject("map", inner);
            return message;
        });
        equal(true, map.getBoolean("boolean"));
        equal((byte) -1, map.getObject("byte"));
        equal(Short.MIN_VALUE, map.getObject("short"));
        equal('é', map.getChar("char"));
        equal(Integer.MIN_VALUE, map.getObject("int"));
        equal(Long.MAX_VALUE, map.getObject("long"));
        equal(0.1f, map.getObject("float"));
        equal(Double.MIN_VALUE, map.getObject("double"));
        equal(ODD_TEXT, map.getString("string"));
        equal(new byte[] {1, 2}, map.getBytes("bytes"));
        truth(map.itemExists("null") && map.getObject("null") == null, "null is there");
        Map<?, ?> back = (Map<?, ?>) map.getObject("map");
        equal(Arrays.asList(1, "two", 3L), (List<?>) back.get("list"));
    }

    private static void stream(Connection connection) throws Exception {
        StreamMessage stream = (StreamMessage) there(connection, session -> {
            StreamMessage message = session.createStreamMessage();
            message.writeInt(7);
            message.writeString(ODD_TEXT);
            message.writeBytes(new byte[] {9, 8});
            message.writeDouble(-0.0);
            message.writeObject(null);
            message.writeChar('x');
            message.writeLong(5L);
            return message;
        });
        equal(7, stream.readInt());
        equal(ODD_TEXT, stream.readString());
        byte[] two = new byte[2];
        equal(2, stream.readBytes(two));
        equal(-1, stream.readBytes(new byte[2]));
        equal(new byte[] {9, 8}, two);
        equal(-0.0, stream.readDouble());
        equal(null, stream.readObject());
        equal('x', stream.readChar());
        equal(5L, stream.readLong());
    }

    private static void longBodies() throws Exception {
        Connection connection = connect();
        String text = "0123456789é".repeat(20_000);
        equal(text, textOf(there(connection, session -> session.createTextMessage(text))));
        byte[] content = new byte[900_000];
        Arrays.fill(content, (byte) 7);
        BytesMessage bytes = (BytesMessage) there(connection, session -> {
            BytesMessage message = session.createBytesMessage();
            message.writeBytes(content);
            return message;
        });
        equal(900_000L, bytes.getBodyLength());
        StreamMessage stream = (StreamMessage) there(connection, session -> {
            StreamMessage message = session.createStreamMessage();
            message.writeString(text);
            return message;
        });
        equal(text, stream.readString());
        connection.close();
    }

    private static void properties() throws Exception {
        Connection connection = connect();
        Message message = there(connection, session -> {
            Message sent = session.createTextMessage("x");
            sent.setBooleanProperty("boolean", false);
            sent.setByteProperty("byte", (byte) 5);
            sent.setShortProperty("short", (short) -300);
            sent.setIntProperty("int", 70_000);
            sent.setLongProperty("long", Long.MIN_VALUE);
            sent.setFloatProperty("float", 3.4f);
            sent.setDoubleProperty("double", 1e300);
            sent.setStringProperty("string", "é\uD83D\uDE42");
            sent.setStringProperty("empty", "");
            sent.setStringProperty("$dollar", "$");
            sent.setStringProperty("type", "a property of that name");
            sent.setJMSType("a type");
            return sent;
        });
        equal(false, message.getObjectProperty("boolean"));
        equal((byte) 5, message.getObjectProperty("byte"));
        equal((short) -300, message.getObjectProperty("short"));
        equal(70_000, message.getObjectProperty("int"));
        equal(Long.MIN_VALUE, message.getObjectProperty("long"));
        equal(3.4f, message.getObjectProperty("float"));
        equal(1e300, message.getObjectProperty("double"));
        equal("é\uD83D\uDE42", message.getObjectProperty("string"));
        equal("", message.getStringProperty("empty"));
        equal("$", message.getStringProperty("$dollar"));
        equal("a property of that name", message.getStringProperty("type"));
        equal("a type", message.getJMSType());
        equal(null, message.getStringProperty("absent"));
        connection.close();
    }

    private static void headers() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        Topic answers = session.createTopic("answers." + queue.getQueueName());
        MessageProducer producer = session.createProducer(queue);
        TextMessage sent = session.createTextMessage("x");
        sent.setJMSCorrelationID("c-1");
        sent.setJMSReplyTo(answers);
        sent.setJMSType("order");
        long before = System.currentTimeMillis();
        producer.send(sent, DeliveryMode.NON_PERSISTENT, 7, 60_000);
        Message message = session.createConsumer(queue).receive(WAIT_MS);
        equal(sent.getJMSMessageID(), message.getJMSMessageID());
        equal("c-1", message.getJMSCorrelationID());
        equal(answers, message.getJMSReplyTo());
        equal("order", message.getJMSType());
        equal(queue, message.getJMSDestination());
        equal(DeliveryMode.NON_PERSISTENT, message.getJMSDeliveryMode());
        equal(7, message.getJMSPriority());
        equal(false, message.getJMSRedelivered());
        equal(1, message.getIntProperty("JMSXDeliveryCount"));
        long age = message.getJMSTimestamp() - before;
        truth(age >= -1000 && age < 60_000, "sent at " + age + " ms");
        long left = message.getJMSExpiration() - message.getJMSTimestamp();
        truth(left > 55_000 && left <= 60_000, "expires in " + left + " ms");
        connection.close();
    }

    private static void group() throws Exception {
        Connection connection = connect();
        Message message = there(connection, session -> {
            Message sent = session.createTextMessage("x");
            sent.setStringProperty("JMSXGroupID", "group-1");
            sent.setIntProperty("JMSXGroupSeq", 3);
            return sent;
        });
        equal("group-1", message.getStringProperty("JMSXGroupID"));
        equal(3, message.getIntProperty("JMSXGroupSeq"));
        connection.close();
    }

    private static void priority() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        MessageProducer producer = session.createProducer(queue);
        for (int priority : new int[] {1, 9, 4}) {
            producer.send(session.createTextMessage("p" + priority), DeliveryMode.PERSISTENT, priority, 0);
        }
        MessageConsumer consumer = session.createConsumer(queue);
        expectTexts(consumer, "p9", "p4", "p1");
        connection.close();
    }

    private static void expiry() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        MessageProducer producer = session.createProducer(queue);
        producer.send(session.createTextMessage("short-lived"), DeliveryMode.PERSISTENT, 4, 20);
        producer.send(session.createTextMessage("for ever"));
        Thread.sleep(60);
        expectTexts(session.createConsumer(queue), "for ever");
        connection.close();
    }

    private static void delay() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        MessageConsumer consumer = session.createConsumer(queue);
        TextMessage message = session.createTextMessage("later");
        message.setLongProperty("AMQ_SCHEDULED_DELAY", 250);
        long before = System.currentTimeMillis();
        session.createProducer(queue).send(message);
        expectTexts(consumer, "later");
        truth(System.currentTimeMillis() - before >= 200, "it came at once");
        connection.close();
    }
}
