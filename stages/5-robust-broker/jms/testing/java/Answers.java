import javax.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory;

/** Prints what each message of a queue has in it, and answers each with a message of the same kind. */
public class Answers {
    public static void main(String[] args) throws Exception {
        Connection connection = new ActiveMQConnectionFactory(args[0]).createConnection();
        connection.start();
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        MessageConsumer consumer = session.createConsumer(session.createQueue("to-java"));
        MessageProducer producer = session.createProducer(null);
        for (int number = 0; number < 5; number++) {
            Message message = consumer.receive(20_000);
            Message answer = answerTo(message, session);
            answer.setJMSCorrelationID(message.getJMSMessageID());
            answer.setJMSType("answer");
            answer.setStringProperty("JMSXGroupID", "g");
            answer.setByteProperty("tiny", (byte) -1);
            answer.setLongProperty("big", message.getLongProperty("big") + 1);
            answer.setFloatProperty("half", 0.5f);
            System.out.println(message.getStringProperty("name") + " " + message.getJMSPriority() + " "
                    + message.getStringProperty("JMSXGroupID") + " " + (message.getJMSReplyTo() instanceof TemporaryQueue));
            producer.send(message.getJMSReplyTo(), answer);
        }
        connection.close();
    }

    private static Message answerTo(Message message, Session session) throws JMSException {
        if (message instanceof TextMessage) {
            System.out.println("text " + ((TextMessage) message).getText());
            return session.createTextMessage("答复 🙂");
        }
        if (message instanceof BytesMessage) {
            BytesMessage bytes = (BytesMessage) message;
            System.out.println("bytes " + bytes.readLong() + " " + bytes.readUTF() + " " + bytes.readDouble());
            BytesMessage answer = session.createBytesMessage();
            answer.writeUTF("a\0🙂");
            answer.writeLong(Long.MIN_VALUE);
            return answer;
        }
        if (message instanceof MapMessage) {
            MapMessage map = (MapMessage) message;
            System.out.println("map " + map.getLong("big") + " " + map.getFloat("half") + " " + map.getChar("letter") + " "
                    + map.getObject("nothing") + " " + map.getObject("small").getClass().getSimpleName());
            MapMessage answer = session.createMapMessage();
            answer.setLong("big", Long.MAX_VALUE);
            answer.setShort("short", (short) -2);
            answer.setBytes("raw", new byte[] {1, 2});
            answer.setDouble("nan", Double.NaN);
            return answer;
        }
        if (message instanceof StreamMessage) {
            StreamMessage stream = (StreamMessage) message;
            System.out.println("stream " + stream.readInt() + " " + stream.readString() + " " + stream.readBoolean());
            StreamMessage answer = session.createStreamMessage();
            answer.writeByte((byte) 7);
            answer.writeChar('茶');
            return answer;
        }
        System.out.println("plain " + message.getClass().getSimpleName());
        return session.createMessage();
    }
}
